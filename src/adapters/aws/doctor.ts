import type { S3Client } from '@aws-sdk/client-s3';
import type { SQSClient } from '@aws-sdk/client-sqs';
import { programs as everyone, type Program } from '../../variables.ts';
import { bucketProbes } from './doctorBuckets.ts';
import { type FleetToExamine, fleetProbes } from './doctorFleet.ts';
import { type QueueExpectations, queueProbes, queueUrlProbes } from './doctorQueues.ts';
import { type Finding, type Probe, type Verdict, verdictOf } from './doctorVerdict.ts';
import { explain } from './errors.ts';
import type { NamedBuckets, NamedQueues } from './resources.ts';

export interface DoctorOptions extends QueueExpectations {
  readonly sqs: SQSClient;
  readonly s3: S3Client;
  readonly queues: NamedQueues;
  readonly buckets: NamedBuckets;
  /** Its heartbeats and lease are under this name. */
  readonly fleetName: string;
  /** Whether several controllers are kept apart by conditional writes. */
  readonly lease?: boolean;
  /** How workers are launched; left out where no controller runs. */
  readonly fleet?: FleetToExamine;
  /** Examine what these need, with the rights of whoever runs this; default: all three. */
  readonly programs?: readonly Program[];
}

/**
 * Finds out, one question after the other, whether everything that the programs need is there and allowed. Asks only what
 * changes nothing: reads, dry runs, and requests that AWS must refuse even to those who may send them. An end comes early
 * only where credentials, region or clock make all other questions pointless. Never rejects.
 */
export async function* examine(options: DoctorOptions): AsyncGenerator<Finding, void, undefined> {
  const { programs = everyone, sqs } = options;
  const queues = { ...options.queues };
  const start = await credentials(options, programs);
  yield start;
  if (!start.ok) return;
  const rounds: readonly (() => Probe[])[] = [
    () =>
      queueUrlProbes(sqs, queues, (role, url) => {
        queues[role] = { ...queues[role], url };
      }),
    () => [
      ...queueProbes(sqs, queues, options),
      ...bucketProbes(options.s3, options.buckets, options.fleetName, options.lease),
      ...(options.fleet ? fleetProbes(options.fleet) : []),
    ],
  ];
  const skipped = new Set<string>();
  const denied = new Set<string>();
  const told = new Set<string>();
  for (const probesOf of rounds)
    for (const probe of probesOf()) {
      const { within = probe.resource } = probe;
      const program = probe.programs.filter(each => programs.includes(each));
      if (program.length === 0 || skipped.has(probe.service) || skipped.has(within)) continue;
      for (const { skip, ...verdict } of await ask(inContext(probe, denied))) {
        if (!verdict.ok) denied.add(`${probe.action} ${within}`);
        if (skip === 'service') skipped.add(probe.service);
        if (skip === 'resource') skipped.add(within);
        const finding: Finding = {
          ...verdict,
          action: skip === 'all' ? 'credentials' : probe.action,
          program,
        };
        // Several placements share an image.
        const same = JSON.stringify([finding.action, finding.resource, program, finding.advice]);
        if (!told.has(same)) yield finding;
        told.add(same);
        if (skip === 'all') return;
      }
    }
}

async function ask(probe: Probe): Promise<readonly Verdict[]> {
  const { resource } = probe;
  try {
    const remarks = await probe.ask();
    if (remarks.length === 0) return [{ ok: true, resource }];
    return remarks.map(({ last, ...remark }) => ({ ...remark, resource, ...(last && { skip: 'service' }) }));
  } catch (error) {
    return [verdictOf(probe, error)];
  }
}

/** To those who may not list a bucket, S3 says of a key that is not there what it says of one that is forbidden. */
function inContext(probe: Probe, denied: ReadonlySet<string>): Probe {
  if (!probe.besides?.includes('s3:ListBucket') || !denied.has(`s3:ListBucket ${probe.within}`)) return probe;
  const denialDoubt =
    'Allow s3:ListBucket first: without it, S3 says the same of a key that does not exist, and this cannot be told.';
  return { ...probe, denialDoubt };
}

async function credentials({ sqs, queues }: DoctorOptions, program: readonly Program[]): Promise<Finding> {
  const finding = { action: 'credentials', resource: 'AWS credentials and region', program };
  try {
    const region = await sqs.config.region();
    await sqs.config.credentials();
    for (const { url, variable } of Object.values(queues)) {
      const its = regionOf(url);
      if (its !== undefined && its !== region) {
        const advice = `AWS_REGION is ${region}, and ${variable} names a queue in ${its} (${url}): set AWS_REGION to ${its}, or correct ${variable}.`;
        return { ...finding, ok: false, advice };
      }
    }
    return { ...finding, ok: true, resource: `AWS credentials, region ${region}` };
  } catch (error) {
    const call = { service: 'SQS', action: 'signing requests', resource: 'AWS' } as const;
    return { ...finding, ok: false, advice: explain(error, call).message };
  }
}

/** Of a queue URL of AWS itself. */
function regionOf(url: string): string | undefined {
  return /^https?:\/\/(?:sqs\.([a-z0-9-]+)|([a-z0-9-]+)\.queue)\.amazonaws\.com/
    .exec(url)
    ?.slice(1)
    .find(Boolean);
}
