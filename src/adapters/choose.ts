import { existsSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Config } from '../config.ts';
import { ControllerLease } from '../controller/lease.ts';
import { Presence } from '../controller/presence.ts';
import type { Blobs, Fleet, FleetView, Host, Lease, Log, Services } from '../ports.ts';
import { environmentElsewhere } from '../runtime/settings.ts';
import type { OnAwsCall } from './aws/watchCalls.ts';
import { LocalBlobs } from './local/blobs.ts';
import { LocalFleet } from './local/fleet.ts';
import { LocalFleetView } from './local/fleetView.ts';
import { LocalHost } from './local/host.ts';
import { LocalLease } from './local/lease.ts';
import { openLocalServices } from './local/services.ts';

// The AWS adapters are loaded where they are asked for: they cost 30 MB and a tenth of a second.

/** The queues and stores of the configured backend. Rejects with StoppedAtStart when `stop` aborts while it waits. */
export async function openServices(
  config: Config,
  log: Log,
  stop?: AbortSignal,
  onCall?: OnAwsCall,
): Promise<Services> {
  if (!config.aws) return openLocalServices(config, log);
  const { openAwsServices } = await import('./aws/services.ts');
  return openAwsServices(config, config.aws, { seconds: config.startPatienceSeconds, log, stop }, onCall);
}

/** The store of people and embeddings alone, for work on files; undefined where there is none on this machine. */
export async function openLocalGallery(config: Config): Promise<Blobs | undefined> {
  const directory = join(config.dataDirectory, 'gallery');
  return existsSync(directory) ? LocalBlobs.open(directory) : undefined;
}

/**
 * The controller's fleet, what tells which of several controllers acts on it, and how its workers are told to read their
 * configuration again. To be opened after the services.
 */
export async function openFleet(
  config: Config,
  services: Services,
  log: Log,
  stop?: AbortSignal,
  onCall?: OnAwsCall,
): Promise<{ fleet: Fleet; lease: Lease; reload: () => void }> {
  const { aws } = config;
  if (!aws) {
    const command = config.workerCommand ?? workerBesideThis();
    const env = Object.fromEntries(
      Object.entries(process.env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
    );
    const fleet = new LocalFleet({ command, env, log, metricsPort: config.metricsPort });
    const lease = new LocalLease(join(config.dataDirectory, 'controller.lock'));
    return { fleet, lease, reload: () => fleet.reload() };
  }
  const { openEc2Fleet } = await import('./aws/openFleet.ts');
  const holder = `${hostname()}-${crypto.randomUUID().slice(0, 8)}`;
  const environment = environmentElsewhere(config);
  // What instances were told at their launch stays.
  const reload = () => {};
  if (!aws.lease)
    return {
      fleet: openEc2Fleet(config.fleet, aws, environment, undefined, log, onCall),
      lease: new Presence(services.output, config.fleet, holder),
      reload,
    };
  const { mustHonourConditions } = await import('./aws/conditionalWrites.ts');
  const { patiently } = await import('./aws/patience.ts');
  await patiently({ seconds: config.startPatienceSeconds, log, stop }, () =>
    mustHonourConditions(services.output, config.fleet, 'FACEREC_OUTPUT_BUCKET'),
  );
  const lease = new ControllerLease({ output: services.output, fleet: config.fleet, holder, log });
  return { fleet: openEc2Fleet(config.fleet, aws, environment, lease, log, onCall), lease, reload };
}

/** The fleet of whichever controller runs it, to look at and no more. */
export async function openFleetView(config: Config, services: Services, log: Log): Promise<FleetView> {
  if (!config.aws) return new LocalFleetView(services.output, config.fleet);
  const { openEc2Fleet } = await import('./aws/openFleet.ts');
  return openEc2Fleet(config.fleet, config.aws, environmentElsewhere(config), undefined, log);
}

/** The machine that a worker runs on. Rejects as `openServices` does. */
export async function openHost(config: Config, log: Log, stop?: AbortSignal): Promise<Host> {
  const id = process.env.FACEREC_INSTANCE_ID;
  if (!config.aws || id) return new LocalHost(id ?? `local-${process.pid}`);
  const { Ec2Host } = await import('./aws/host.ts');
  const endpoint = process.env.AWS_EC2_METADATA_SERVICE_ENDPOINT;
  const { patiently } = await import('./aws/patience.ts');
  const patience = { seconds: config.startPatienceSeconds, log, stop };
  return patiently(patience, () => Ec2Host.open({ log, ...(endpoint && { endpoint }) }));
}

/** `facerec-worker` in the directory of the running executable, or its source where this runs from source. */
function workerBesideThis(): string[] {
  const compiled = Bun.main.startsWith('/$bunfs/');
  if (compiled) return [join(process.execPath, '..', 'facerec-worker')];
  return [process.execPath, join(import.meta.dir, '..', 'worker.ts')];
}
