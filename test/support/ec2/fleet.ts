import { EC2Client } from '@aws-sdk/client-ec2';
import { Ec2Fleet, type Ec2FleetOptions } from '../../../src/adapters/aws/fleet.ts';
import { silentLog } from '../../../src/runtime/log.ts';

/** The SDK's client for the stand-in; of the machine's own AWS settings it sees nothing. */
export function testClient(url: string, maxAttempts = 1): EC2Client {
  process.env.AWS_EC2_METADATA_DISABLED = 'true';
  return new EC2Client({
    endpoint: url,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    maxAttempts,
    requestHandler: { requestTimeout: 10_000, throwOnRequestTimeout: true },
  });
}

/** A moment far from the turn of any slot's epoch: two hours into that of slot 0. */
export const noon = 43_200_000 * 41_000 + 7_200_000;

/** A fleet of `t2.micro`s named `test`, but for what is given. */
export function testFleet(options: Partial<Ec2FleetOptions> & Pick<Ec2FleetOptions, 'client'>): Ec2Fleet {
  return new Ec2Fleet({
    fleet: 'test',
    image: 'ami-1',
    placements: [{}],
    log: silentLog,
    random: () => 0.5,
    // A clock that does not step.
    ...(options.now && { monotonic: options.now }),
    ...options,
  });
}
