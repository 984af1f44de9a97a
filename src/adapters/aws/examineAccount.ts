import type { AwsConfig, Config } from '../../config.ts';
import { environmentElsewhere } from '../../runtime/settings.ts';
import type { Program } from '../../variables.ts';
import { checkEndpoints } from './clientSettings.ts';
import { s3Client, sqsClients } from './clients.ts';
import { examine } from './doctor.ts';
import type { Finding } from './doctorVerdict.ts';
import { ec2Client } from './ec2Client.ts';
import { launchSettings } from './openFleet.ts';
import { findRegion } from './region.ts';
import { bucketsOf, queuesOf } from './resources.ts';

/**
 * `facerec-controller doctor`: one line for each permission and resource that the programs need, by calls without an
 * effect. Resolves to whether all is fine.
 *
 * @param programs whose needs are looked at: with a role of its own each, run it under each role
 */
export async function examineAccount(
  config: Config,
  aws: AwsConfig,
  programs: readonly Program[],
  print: (line: string) => void,
): Promise<boolean> {
  checkEndpoints(process.env);
  // What is wrong with it is the first finding.
  await findRegion().catch(() => {});
  const { launch, places } = launchSettings(config.fleet, aws, environmentElsewhere(config));
  const findings = examine({
    sqs: sqsClients().calls,
    s3: s3Client(),
    queues: queuesOf(aws),
    buckets: bucketsOf(aws),
    fleet: { client: ec2Client(), settings: launch, placements: places },
    fleetName: config.fleet,
    lease: aws.lease,
    visibilitySeconds: config.visibilitySeconds,
    maxReceives: config.maxReceives,
    programs,
  });
  let fine = true;
  for await (const finding of findings) {
    print(`${lineOf(finding)}\n`);
    if (!finding.ok && !finding.uncertain) fine = false;
  }
  return fine;
}

/** `fine`, `fix` or `?` (it cannot be told from outside), then action, resource, who needs it, and what to do. */
function lineOf({ ok, uncertain, action, resource, program, advice }: Finding): string {
  const mark = ok ? 'fine' : uncertain ? '?   ' : 'fix ';
  return `${mark}  ${action}  ${resource}  (${program.join(', ')})${advice ? `: ${advice}` : ''}`;
}
