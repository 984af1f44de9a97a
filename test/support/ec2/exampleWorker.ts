/** Stands for `facerec-worker` in tests of the stand-ins: reports who it is, and ends when it may leave. */
import { EC2Client } from '@aws-sdk/client-ec2';
import { Ec2Host } from '../../../src/adapters/aws/host.ts';
import { silentLog } from '../../../src/runtime/log.ts';

const { AWS_EC2_METADATA_SERVICE_ENDPOINT: endpoint = '', REPORT_TO = '', GREETING } = process.env;

const host = await Ec2Host.open({ endpoint, log: silentLog, powerOff: async () => {} });
// The SDK's own chain, which ends at the metadata service.
const { accessKeyId } = await new EC2Client({ region: 'us-east-1' }).config.credentials();
await fetch(REPORT_TO, {
  method: 'POST',
  body: JSON.stringify({ id: host.id, greeting: GREETING, accessKeyId }),
});
while ((await host.drainRequested()) === undefined) await Bun.sleep(10);
await host.leave();
