import type { CloudOptions } from './ec2/cloud.ts';
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
  startController(): void;
  stop(): Promise<void>;
}

export interface AwsSystemOptions {
  readonly settings?: Readonly<Record<string, string>>;
  readonly cloud?: CloudOptions;
  readonly visibilitySeconds?: number;
}

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
  const ec2 = await startEc2({
    ...options.cloud,
    onLaunch: workerProcess({ onStart: (instance, process) => workers.set(instance.id, process) }),
  });
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
    AWS_ENDPOINT_URL_SQS: aws.url,
    AWS_ENDPOINT_URL_S3: aws.url,
    AWS_ENDPOINT_URL_EC2: ec2.url,
    ...options.settings,
  };
  const credentials = {
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
    AWS_EC2_METADATA_DISABLED: 'true',
  };
  const web = run('src/web.ts', { ...settings, ...credentials });
  const [, url] = await web.said(/facerec-web listens on (\S+)/);
  const startController = () => run('src/controller.ts', { ...settings, ...credentials });
  const system: AwsSystem = {
    url: new URL(url!),
    aws,
    ec2,
    web,
    controller: startController(),
    workers,
    startController() {
      system.controller = startController();
    },
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
