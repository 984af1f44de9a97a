import { Ec2Host } from '../../src/adapters/aws/host.ts';
import { silentLog } from '../../src/runtime/log.ts';
import { sleep } from '../../src/runtime/time.ts';
import type { Cloud } from '../support/ec2/cloud.ts';
import { testClient, testFleet } from '../support/ec2/fleet.ts';
import type { Ec2Instance } from '../support/ec2/instance.ts';
import { startEc2 } from '../support/ec2/server.ts';
import { imdsOf } from '../support/ec2/worker.ts';
import { fleetContract } from './fleet.ts';

fleetContract('Ec2Fleet', {
  async make() {
    const ec2 = await startEc2({ bootMs: 20, stopMs: 20, onLaunch: obedientWorker });
    const client = testClient(ec2.url);
    // At some times of day one slot may not be filled for two minutes: not here.
    const epochs = { periodMs: 43_200_000, guardMs: 0 };
    const fleet = testFleet({ client, describeEveryMs: 10, epochs });
    return {
      fleet,
      async close() {
        await fleet.close();
        client.destroy();
        await ec2.close();
      },
    };
  },
});

/** Goes when its metadata service says that it may: as the worker does, without a process. */
function obedientWorker(instance: Ec2Instance, cloud: Cloud) {
  const imds = imdsOf(instance, cloud);
  const stopped = new AbortController();
  const powerOff = async () => cloud.end(instance.id);
  const work = async () => {
    const host = await Ec2Host.open({ endpoint: imds.url, log: silentLog, powerOff });
    while (!stopped.signal.aborted) {
      if ((await host.drainRequested()) !== undefined) await host.leave();
      await sleep(5, stopped.signal);
    }
  };
  void work().finally(() => imds.close());
  return { stop: () => stopped.abort() };
}
