/** Boots the worker's image and has it work. To be run by run.ts, which prepares network, mounts and control groups. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { join } from 'node:path';
import { userData } from '../../src/adapters/aws/userData.ts';
import type { Recognised } from '../../src/core/results.ts';
import { type AwsSystem, accessKeys, startAwsSystem } from '../support/awsSystem.ts';
import { known, photoOf } from '../support/cast.ts';
import { enrol, post } from '../support/client.ts';
import { bootContainer, type Container } from '../support/machines/container.ts';
import { type Launched, Machines } from '../support/machines/fleet.ts';
import { bootVirtualMachine, MAC } from '../support/machines/virtual.ts';
import { type Recorder, startRecorder } from '../support/recorder.ts';
import type { Running } from '../support/system.ts';
import { until } from '../support/temporary.ts';

/** Directories with the root file systems, a disk, and a directory with the executables. */
const {
  IMAGE_WORKER_TREE: tree,
  IMAGE_WEB_TREE: webTree,
  IMAGE_WORKER_DISK: disk,
  FACEREC_TEST_PROGRAMS: programs,
} = process.env;
if (!tree || !webTree || !disk || !programs) throw new Error('test/image/run.ts starts this');

/** Reached under one address by this machine, by containers in its network and through a virtual machine's router. */
const HERE = '198.51.100.1';
const PHOTOS = 20;

/** As in the unit, only that the watchdog's half minute is shorter. */
const impatience = {
  'etc/systemd/system/facerec-worker.service.d/test.conf': '[Service]\nWatchdogSec=4\n',
};

let recorder: Recorder;
let system: AwsSystem;
let kind: 'container' | 'virtual' = 'container';
const machines = new Machines<Running>(
  instance =>
    kind === 'container'
      ? bootContainer({ tree, instanceId: instance.id, userData: instance.userData, files: impatience })
      : bootVirtualMachine(disk),
  { mac: MAC },
);

beforeAll(async () => {
  recorder = startRecorder(HERE);
  system = await startAwsSystem({
    before: recorder.before,
    cloud: { onLaunch: machines.launch },
    visibilitySeconds: 20,
    settings: {
      FACEREC_VISIBILITY_SECONDS: '20',
      FACEREC_MIN_INSTANCES: '0',
      FACEREC_MAX_INSTANCES: '1',
      FACEREC_IDLE_SECONDS: '5',
      FACEREC_MIN_RUNTIME_SECONDS: '5',
    },
  });
}, 120_000);

afterAll(async () => {
  await system.stop();
  await recorder.stop();
}, 120_000);

/** Calls that were signed with the credentials of the instance's role. */
const byWorker = (action: string) =>
  recorder.calls.filter(call => call.caller === accessKeys.worker && call.action === action).length;

/** ms from switching on to the first request for work. */
async function polling({ startedAt, machine }: Launched<Running>, before: number, deadlineMs: number) {
  const ended = machine.child.exited.then(code => {
    throw new Error(`the machine ended with ${code}:\n${machine.output()}`);
  });
  await Promise.race([
    until(() => byWorker('sqs:ReceiveMessage') > before, 'the worker asks for work', deadlineMs),
    ended,
  ]).catch(error => {
    throw new Error(`${error}\n${machine.output()}`);
  });
  ended.catch(() => {});
  return performance.now() - startedAt;
}

/** Has everybody enrolled, by whichever worker comes; once. */
function enrolled(): Promise<void> {
  enrolment ??= Promise.all(
    known.map(async name => {
      const photo = { file: `${name}.jpg`, bytes: await photoOf(name) };
      // 202 where the answer took longer than a request may wait; it is taken all the same.
      expect((await enrol(system.url, name, name, photo)).status).toBeOneOf([201, 202]);
    }),
  ).then(async () => {
    const faces = async () => {
      const { people } = (await (await fetch(new URL('people', system.url))).json()) as People;
      return people.every(person => person.faces.length > 0);
    };
    await until(faces, 'everybody is enrolled', 600_000);
  });
  return enrolment;
}
let enrolment: Promise<void> | undefined;
interface People {
  readonly people: readonly { readonly faces: readonly unknown[] }[];
}

async function serve(photos: number): Promise<void> {
  const people = await Promise.all(known.map(photoOf));
  const posted = await Promise.all(
    Array.from({ length: photos }, async (_, i) => {
      const answer = await post(system.url, { file: `photo-${i}.jpg`, bytes: people[i % people.length]! });
      expect(answer.status).toBe(202);
      return (await answer.json()) as { id: string };
    }),
  );
  for (const [i, { id }] of posted.entries()) {
    const answered = async () => (await fetch(new URL(`results/${id}?wait=20`, system.url))).status === 200;
    await until(answered, `an answer for photo ${i}`, 900_000);
    const result = (await (await fetch(new URL(`results/${id}`, system.url))).json()) as Recognised;
    expect({ i, status: result.status, label: result.label }).toEqual({
      i,
      status: 'done',
      label: known[i % known.length]!,
    });
  }
}

/** Idle, the instance is granted leave by its tag, and goes. */
async function leaves({ instance, imds, machine }: Launched<Running>): Promise<void> {
  const code = await machine.child.exited;
  expect(instance.tags.has('facerec-drain')).toBe(true);
  expect(imds.calls.get('/latest/meta-data/tags/instance/facerec-drain')).toBeGreaterThan(0);
  const said = machine.output();
  expect(said).toContain('"event":"draining","reason":"leave granted');
  expect(said).toMatch(/"event":"goodbye","instance":"i-[0-9a-f]+","processed":\d+/);
  expect(code).toBe(0);
  await until(() => system.ec2.cloud.live().length === 0, 'the instance has terminated', 60_000);
  expect(system.ec2.cloud.calls.get('TerminateInstances')).toBeUndefined();
}

/** User data of the machine that web server and controller share. */
const serviceUserData = (lines: readonly string[]) => `#cloud-config
write_files:
  - path: /etc/facerec/service.env
    permissions: "0600"
    content: |
${lines.map(line => `      ${line}`).join('\n')}
`;

const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;

describe('in a container', () => {
  test(`from boot to power-off: frozen, killed, started again; ${PHOTOS} photos named, leave granted`, async () => {
    const enrolling = enrolled();
    const launched = await machines.launched();
    const took = await polling(launched, 0, 120_000);
    await enrolling;
    const { inside, said } = launched.machine as Container;
    const settled = 'systemctl is-system-running --wait || systemctl --no-pager --failed';
    expect(await inside('sh', '-c', settled)).toBe('running\n');
    console.log(`container: switched on to worker polling in ${seconds(took)}`);
    console.log(await inside('systemd-analyze', 'time'));
    console.log(await inside('systemd-analyze', 'critical-chain', '--no-pager', 'facerec-worker.service'));
    expect(await inside('stat', '--format', '%a %U', '/etc/facerec/worker.env')).toBe('600 root\n');

    await inside('systemctl', 'kill', '--signal=STOP', 'facerec-worker.service');
    const serving = serve(PHOTOS);
    serving.catch(() => {});
    await said(/"event":"ready".*"event":"ready"/s, 120_000);
    expect(await inside('systemctl', 'show', '-P', 'NRestarts', 'facerec-worker.service')).toBe('1\n');
    await serving;
    await leaves(launched);
    expect(
      launched.imds.calls.get('/latest/meta-data/iam/security-credentials/facerec-worker'),
    ).toBeGreaterThan(0);
  }, 600_000);

  test('a worker that cannot start is tried again, then the machine goes', async () => {
    const machine = await bootContainer({
      tree,
      instanceId: 'i-0123456789abcdef1',
      userData: userData({ FACEREC_BACKEND: 'aws', FACEREC_POLL_SECONDS: 'soon' }),
    });
    expect(await machine.child.exited).toBe(0);
    // Starts: the boot's, the restart's, and the user data's, which may fall together.
    expect(machine.output().match(/FACEREC_POLL_SECONDS: expected/g)?.length).toBeOneOf([2, 3]);
    expect(machine.output()).toContain('Powering off');
  }, 120_000);

  test('an instance without user data waits, and no worker starts', async () => {
    const machine = await bootContainer({ tree, instanceId: 'i-0123456789abcdef2', userData: '' });
    await machine.said(/Reached target .*cloud-init.target/, 60_000);
    expect(await machine.inside('systemctl', 'show', '-P', 'ConditionResult', 'facerec-worker.service')).toBe(
      'no\n',
    );
    await machine.end();
  }, 120_000);

  test('web server and controller: the local backend, with a worker beside them', async () => {
    const machine = await bootContainer({
      tree: webTree,
      instanceId: 'i-0123456789abcdef3',
      userData: serviceUserData(['FACEREC_LOG_LEVEL="info"', 'FACEREC_MAX_INSTANCES="1"']),
      executables: [join(programs, 'facerec-worker')],
    });
    const url = 'http://127.0.0.1:8000/';
    const up = async () => (await fetch(new URL('readyz', url)).catch(() => undefined))?.status === 200;
    await until(up, 'the web server is ready', 60_000);
    const ada = { file: 'ada.jpg', bytes: await photoOf('ada') };
    expect((await enrol(new URL(url), 'ada', 'ada', ada)).status).toBe(201);
    const answer = await post(`${url}?wait=60`, ada);
    expect(((await answer.json()) as Recognised).label).toBe('ada');
    const units = ['facerec-web.service', 'facerec-controller.service'];
    await machine.inside('systemctl', 'reload', ...units);
    expect(await machine.inside('systemctl', 'is-active', ...units)).toBe('active\nactive\n');
    await machine.inside('systemctl', 'restart', ...units);
    await until(up, 'the web server is ready again', 60_000);
    expect(((await (await fetch(new URL('people', url))).json()) as People).people).toHaveLength(1);
    await machine.inside('systemctl', '--no-block', 'poweroff');
    expect(await machine.child.exited).toBe(0);
  }, 180_000);
});

describe('in a virtual machine', () => {
  test(`from firmware to power-off: ${PHOTOS} photos named, leave granted`, async () => {
    kind = 'virtual';
    const before = byWorker('sqs:ReceiveMessage');
    const serving = enrolled().then(() => serve(PHOTOS));
    serving.catch(() => {});
    const launched = await machines.launched();
    const took = await polling(launched, before, 400_000);
    const bytes = await (launched.machine as Awaited<ReturnType<typeof bootVirtualMachine>>).bytesRead();
    console.log(
      `virtual machine: firmware to worker polling in ${seconds(took)}, ${Math.round(bytes / 1e6)} MB read`,
    );
    await serving.catch(error => {
      throw new Error(`${error}\n${launched.machine.output()}`);
    });
    await leaves(launched);
    const { calls } = launched.imds;
    expect(calls.get('/2021-03-23/user-data')).toBeGreaterThan(0);
    expect(calls.get('/latest/meta-data/iam/security-credentials/facerec-worker')).toBeGreaterThan(0);
  }, 1_500_000);
});
