import type { CloudOptions } from './ec2/cloud.ts';
import type { ImdsServer } from './ec2/imds.ts';
import { type Ec2Server, startEc2 } from './ec2/server.ts';
import { workerProcess } from './ec2/worker.ts';
import { type Fauxqs, startFauxqs } from './fauxqs.ts';
import { type Running, run } from './system.ts';

export interface AwsSystem {
  readonly url: URL;
  readonly aws: Fauxqs;
  readonly ec2: Ec2Server;
  readonly web: Running;
  /** The newest. */
  controller: Running;
  /** Real processes of the instances that were launched, by instance id. */
  readonly workers: Map<string, Bun.Subprocess>;
  /** Their metadata services, by instance id. */
  readonly metadata: Map<string, ImdsServer>;
  startController(): void;
  /** Runs another process of a program with the same settings. */
  command(program: 'web' | 'controller', words: readonly string[]): Running;
  stop(): Promise<void>;
}

export interface AwsSystemOptions {
  readonly settings?: Readonly<Record<string, string>>;
  readonly cloud?: CloudOptions;
  readonly visibilitySeconds?: number;
  /** Puts something in front of the stand-ins for SQS and S3, and for EC2; resolves to where that listens. */
  readonly before?: (url: string) => string;
  /** Receives each instance's process as soon as it runs. */
  readonly onWorker?: (process: Bun.Subprocess) => void;
}

/** Whoever listens in between can tell the programs apart by these; workers have those of their instance. */
export const accessKeys = { web: 'AKIAWEB', controller: 'AKIACONTROLLER', worker: 'ASIATEST' } as const;

/** The whole service on stand-ins for SQS, S3, EC2 and instance metadata: every process real, and all on loopback. */
export async function startAwsSystem(options: AwsSystemOptions = {}): Promise<AwsSystem> {
  const visibilitySeconds = options.visibilitySeconds ?? 10;
  const aws = await startFauxqs();
  const deadLetters = await aws.queue('dead-letters');
  const redrive = { url: deadLetters, maxReceives: 5 };
  await aws.queue('requests', { visibilitySeconds, redrive, maximumMessageSize: 1024 });
  await aws.queue('responses', { visibilitySeconds, maximumMessageSize: 1024 });
  for (const bucket of ['photos', 'results']) await aws.bucket(bucket);
  const workers = new Map<string, Bun.Subprocess>();
  const metadata = new Map<string, ImdsServer>();
  const ec2 = await startEc2({
    onLaunch: workerProcess({
      onStart({ id }, process, imds) {
        workers.set(id, process);
        metadata.set(id, imds);
        options.onWorker?.(process);
      },
    }),
    ...options.cloud,
  });
  const { before = url => url } = options;
  const front = before(aws.url);
  const settings = {
    FACEREC_BACKEND: 'aws',
    FACEREC_HOST: '127.0.0.1',
    FACEREC_PORT: '0',
    FACEREC_REQUEST_QUEUE: 'requests',
    FACEREC_RESPONSE_QUEUE: 'responses',
    FACEREC_DEAD_LETTER_QUEUE: 'dead-letters',
    FACEREC_INPUT_BUCKET: 'photos',
    FACEREC_OUTPUT_BUCKET: 'results',
    FACEREC_VISIBILITY_SECONDS: String(visibilitySeconds),
    FACEREC_AMI: 'ami-0123456789abcdef0',
    AWS_REGION: 'us-east-1',
    AWS_ENDPOINT_URL_SQS: front,
    AWS_ENDPOINT_URL_S3: front,
    AWS_ENDPOINT_URL_EC2: before(ec2.url),
    ...options.settings,
  };
  const credentials = (program: keyof typeof accessKeys) => ({
    AWS_ACCESS_KEY_ID: accessKeys[program],
    AWS_SECRET_ACCESS_KEY: 'test',
    AWS_EC2_METADATA_DISABLED: 'true',
  });
  const web = run('src/web.ts', { ...settings, ...credentials('web') });
  const [, url] = await web.said(/facerec-web listens on (\S+)/);
  const startController = () => run('src/controller.ts', { ...settings, ...credentials('controller') });
  const system: AwsSystem = {
    url: new URL(url!),
    aws,
    ec2,
    web,
    controller: startController(),
    workers,
    metadata,
    startController() {
      system.controller = startController();
    },
    command: (program, words) => run(`src/${program}.ts`, { ...settings, ...credentials(program) }, words),
    async stop() {
      await Promise.all([system.controller.end(), web.end()]);
      for (const worker of workers.values()) worker.kill('SIGTERM');
      await Promise.all([...workers.values()].map(worker => worker.exited));
      await ec2.close();
      await aws.stop();
    },
  };
  return system;
}
