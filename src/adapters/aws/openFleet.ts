import type { AwsConfig } from '../../config.ts';
import type { Log } from '../../ports.ts';
import { SetupError } from '../../runtime/setup.ts';
import { ec2Client } from './ec2Client.ts';
import { Ec2Fleet, type Lease } from './fleet.ts';
import type { LaunchSettings } from './launchRequest.ts';
import { type Placement, placements } from './placements.ts';
import { userData } from './userData.ts';
import type { OnAwsCall } from './watchCalls.ts';
import { workerSettings } from './workerSettings.ts';

/** How workers are launched, from the configuration and the environment that goes along to them. */
export function launchSettings(
  fleet: string,
  aws: AwsConfig,
  environment: Readonly<Record<string, string | undefined>>,
): { launch: LaunchSettings; places: readonly Placement[] } {
  const { launchTemplate, ami, instanceProfile, keyName, securityGroups } = aws;
  if (!launchTemplate && !ami)
    throw new SetupError(
      'FACEREC_LAUNCH_TEMPLATE or FACEREC_AMI: one of the two is needed to launch workers',
    );
  return {
    launch: {
      fleet,
      ...(launchTemplate && { template: launchTemplate }),
      ...(ami && { image: ami }),
      ...(securityGroups.length > 0 && { securityGroups }),
      ...(instanceProfile && { instanceProfile }),
      ...(keyName && { key: keyName }),
      userData: userData(workerSettings(environment)),
    },
    places: placements({ subnets: aws.subnets, types: aws.instanceTypes, spot: aws.spot }),
  };
}

/** The controller's fleet of EC2 instances. */
export function openEc2Fleet(
  fleet: string,
  aws: AwsConfig,
  environment: Readonly<Record<string, string | undefined>>,
  lease: Lease | undefined,
  log: Log,
  onCall?: OnAwsCall,
): Ec2Fleet {
  const { launch, places } = launchSettings(fleet, aws, environment);
  return new Ec2Fleet({
    ...launch,
    client: ec2Client({ onCall }),
    placements: places,
    log,
    ...(lease && { lease }),
  });
}
