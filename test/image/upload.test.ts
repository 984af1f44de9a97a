import { afterAll, beforeAll, beforeEach, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { createHash, randomFillSync } from 'node:crypto';
import { existsSync } from 'node:fs';
import { appendFile, open, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BLOCK_BYTES } from '../../ami/upload/blocks.ts';
import { clientsIn, type UploadOptions, uploadImage } from '../../ami/upload/upload.ts';
import { deployCommand } from '../../ami/upload.ts';
import { temporaryDirectory, until } from '../support/temporary.ts';
import { type Ebs, type EbsServer, type Fault, type Operation, startEbs } from './support/ebs.ts';

// No test depends on speed: this bounds only what would never end.
setDefaultTimeout(300_000);

const directory = temporaryDirectory();
const program = join(import.meta.dir, '../../ami/upload.ts');
/** Of 100 blocks, the last of them not whole; sparse but for these. */
const filled = [0, 1, 2, 5, 31, 32, 33, 64, 98, 99];
const bytes = 99 * BLOCK_BYTES + 1_234;

let server: EbsServer;
let ebs: Ebs;
let file: string;
let serial = 0;
const environment = {
  AWS_ACCESS_KEY_ID: 'test',
  AWS_SECRET_ACCESS_KEY: 'test',
  AWS_REGION: 'eu-west-1',
  AWS_EC2_METADATA_DISABLED: 'true',
};
const before = { ...process.env };

beforeAll(() => Object.assign(process.env, environment));
beforeEach(async () => {
  await server?.close();
  server = await startEbs();
  ebs = server.ebs;
  process.env.AWS_ENDPOINT_URL = server.url;
  file = join(directory, `worker-${serial++}.raw`);
  await writeDisk(file, filled);
});
afterAll(async () => {
  await server.close();
  for (const name of [...Object.keys(environment), 'AWS_ENDPOINT_URL'])
    if (before[name] === undefined) delete process.env[name];
    else process.env[name] = before[name];
});

async function writeDisk(path: string, blocks: readonly number[]): Promise<void> {
  await writeFile(path, '');
  await truncate(path, bytes);
  const handle = await open(path, 'r+');
  for (const block of blocks) {
    const length = Math.min(BLOCK_BYTES, bytes - block * BLOCK_BYTES);
    await handle.write(randomFillSync(Buffer.alloc(length)), 0, length, block * BLOCK_BYTES);
  }
  await handle.close();
}

function run(options: Partial<UploadOptions> = {}): Promise<string> {
  return uploadImage(file, {
    clients: clientsIn(),
    pollMs: 1,
    pauseMs: 1,
    patienceMs: 20_000,
    parallel: 4,
    ...options,
  });
}

/** What the volume of the only snapshot would hold, as a digest. */
async function expectUploaded(): Promise<void> {
  expect(ebs.images.size).toBe(1);
  const [image] = [...ebs.images.values()];
  const snapshot = ebs.snapshots.get(image!.query.get('BlockDeviceMapping.1.Ebs.SnapshotId')!)!;
  expect(snapshot.state).toBe('completed');
  expect([...snapshot.blocks.keys()].sort((a, b) => a - b)).toEqual(filled);
  const volume = createHash('sha256');
  for (let i = 0; i < 100; i++) volume.update(snapshot.blocks.get(i) ?? Buffer.alloc(BLOCK_BYTES));
  const disk = createHash('sha256')
    .update(await readFile(file))
    .update(Buffer.alloc(100 * BLOCK_BYTES - bytes));
  expect(volume.digest('hex')).toBe(disk.digest('hex'));
}

/** The first `times` requests of the operation meet the fault. */
function first(times: number, operation: Operation, fault: Fault): (asked: Operation) => Fault | undefined {
  let left = times;
  return asked => (asked === operation && left-- > 0 ? fault : undefined);
}

const putBlocks = () => ebs.requests.flatMap(({ block }) => block ?? []);
const journalled = async () =>
  [...(await readFile(`${file}.upload`, 'utf8')).matchAll(/"block":(\d+)/g)].map(match => Number(match[1]));

describe('an upload', () => {
  test('puts what is not zeros, completes the snapshot, and registers the image', async () => {
    const id = await run();
    expect([...ebs.images.keys()]).toEqual([id]);
    await expectUploaded();
    expect(putBlocks().sort((a, b) => a - b)).toEqual(filled);
    const [snapshot] = [...ebs.snapshots.values()];
    expect(snapshot!.gibibytes).toBe(1);
    const { query, name } = ebs.images.get(id)!;
    expect(name).toMatch(/^facerec-worker-\d+-[0-9a-f]{12}$/);
    const said = (parameter: string) => query.get(parameter);
    expect({
      Architecture: said('Architecture'),
      BootMode: said('BootMode'),
      EnaSupport: said('EnaSupport'),
      ImdsSupport: said('ImdsSupport'),
      TpmSupport: said('TpmSupport'),
      VirtualizationType: said('VirtualizationType'),
      RootDeviceName: said('RootDeviceName'),
      DeviceName: said('BlockDeviceMapping.1.DeviceName'),
      VolumeType: said('BlockDeviceMapping.1.Ebs.VolumeType'),
      VolumeSize: said('BlockDeviceMapping.1.Ebs.VolumeSize'),
      DeleteOnTermination: said('BlockDeviceMapping.1.Ebs.DeleteOnTermination'),
    }).toEqual({
      Architecture: 'x86_64',
      BootMode: 'uefi',
      EnaSupport: 'true',
      ImdsSupport: 'v2.0',
      TpmSupport: undefined,
      VirtualizationType: 'hvm',
      RootDeviceName: '/dev/xvda',
      DeviceName: '/dev/xvda',
      VolumeType: 'gp3',
      VolumeSize: '1',
      DeleteOnTermination: 'true',
    });
    expect(existsSync(`${file}.upload`)).toBe(false);
  });

  test('of more than a gibibyte', async () => {
    await truncate(file, 2_047 * BLOCK_BYTES);
    await appendFile(file, Buffer.alloc(BLOCK_BYTES + 1, 1));
    await run();
    const [snapshot] = [...ebs.snapshots.values()];
    expect(snapshot!.gibibytes).toBe(2);
    expect([...snapshot!.blocks.keys()].sort((a, b) => a - b)).toEqual([...filled, 2_047, 2_048]);
    expect(snapshot!.blocks.get(2_048)!.indexOf(0)).toBe(1);
  });

  test('of the same content is not done again', async () => {
    const id = await run();
    const requests = ebs.requests.length;
    expect(await run()).toBe(id);
    expect(ebs.requests.slice(requests).map(({ operation }) => operation)).toEqual(['DescribeImages']);
  });

  test('of other content is another image; under a name that is taken, it is refused', async () => {
    await run({ name: 'mine' });
    await writeDisk(file, [7]);
    await expect(run({ name: 'mine' })).rejects.toThrow('has the name mine and other content');
    await run();
    expect(ebs.images.size).toBe(2);
  });

  test('tells how far it is', async () => {
    const seen: string[] = [];
    await run({ parallel: 1, onProgress: (blocks, of) => seen.push(`${blocks}/${of}`) });
    expect(seen).toEqual(Array.from({ length: 11 }, (_, i) => `${i}/10`));
  });

  test('of nothing is refused', async () => {
    await writeDisk(file, []);
    await expect(run()).rejects.toThrow('nothing but zeros');
    await truncate(file, 0);
    await expect(run()).rejects.toThrow('is empty');
    expect(ebs.requests).toEqual([]);
  });
});

describe('goes on after', () => {
  const passing: Readonly<Record<string, readonly [number, Operation, Fault]>> = {
    'throttled blocks': [
      25,
      'PutSnapshotBlock',
      { kind: 'error', status: 400, code: 'RequestThrottledException' },
    ],
    'faults of the service': [
      5,
      'PutSnapshotBlock',
      { kind: 'error', status: 500, code: 'InternalServerException' },
    ],
    'a new snapshot that is not known everywhere': [
      12,
      'PutSnapshotBlock',
      {
        kind: 'error',
        status: 404,
        code: 'ResourceNotFoundException',
        message: 'The snapshot does not exist.',
      },
    ],
    'cut connections': [5, 'PutSnapshotBlock', { kind: 'lost-request' }],
    'connections cut within a block': [5, 'PutSnapshotBlock', { kind: 'cut-body' }],
    'lost answers to blocks': [5, 'PutSnapshotBlock', { kind: 'lost-reply' }],
    'a throttled start': [
      3,
      'StartSnapshot',
      { kind: 'error', status: 400, code: 'RequestThrottledException' },
    ],
    'a lost answer to the start': [1, 'StartSnapshot', { kind: 'lost-reply' }],
    'a throttled completion': [
      3,
      'CompleteSnapshot',
      { kind: 'error', status: 400, code: 'RequestThrottledException' },
    ],
    'a lost answer to the completion': [1, 'CompleteSnapshot', { kind: 'lost-reply' }],
    'a throttled registration': [
      3,
      'RegisterImage',
      { kind: 'error', status: 503, code: 'RequestLimitExceeded' },
    ],
    'a lost answer to the registration': [1, 'RegisterImage', { kind: 'lost-reply' }],
  };
  for (const [what, [times, operation, fault]] of Object.entries(passing))
    test(what, async () => {
      ebs.fault = first(times, operation, fault);
      await run();
      await expectUploaded();
      expect(ebs.snapshots.size).toBe(1);
    });
});

describe('gives up, and a rerun goes on, when', () => {
  test('the service is gone for longer than patience lasts', async () => {
    let puts = 0;
    ebs.fault = operation =>
      operation === 'PutSnapshotBlock' && ++puts > 6 ? { kind: 'lost-request' } : undefined;
    await expect(run({ patienceMs: 50, parallel: 1 })).rejects.toThrow();
    expect(await journalled()).toEqual(filled.slice(0, 6));
    ebs.fault = () => undefined;
    ebs.requests.splice(0);
    await run();
    expect(putBlocks().sort((a, b) => a - b)).toEqual(filled.slice(6));
    await expectUploaded();
  });

  test('something is denied, at once', async () => {
    ebs.fault = first(1, 'PutSnapshotBlock', { kind: 'error', status: 403, code: 'AccessDeniedException' });
    await expect(run({ patienceMs: 600_000 })).rejects.toThrow();
    await run();
    expect(ebs.snapshots.size).toBe(1);
    await expectUploaded();
  });

  test('EBS speaks of another checksum than the block’s', async () => {
    ebs.fault = first(1, 'PutSnapshotBlock', { kind: 'other-checksum' });
    await expect(run()).rejects.toThrow(/EBS took block \d+ with the checksum/);
    expect(ebs.count('CompleteSnapshot')).toBe(0);
  });

  test('the image changes while it is read again', async () => {
    ebs.fault = operation => {
      // Between the first reading and the second.
      if (operation === 'StartSnapshot')
        Bun.spawnSync(
          ['dd', 'if=/dev/urandom', `of=${file}`, 'bs=1', 'count=9', 'seek=2048', 'conv=notrunc'],
          { stderr: 'ignore' },
        );
      return undefined;
    };
    await expect(run()).rejects.toThrow('block 0 of the image changed during the upload');
    expect(ebs.count('CompleteSnapshot')).toBe(0);
  });

  test('a damaged block reaches EBS: it is refused there', async () => {
    const clients = clientsIn();
    clients.ebs.middlewareStack.add(
      next => args => {
        const request = args.request as { method: string; body?: Uint8Array };
        if (request.method === 'PUT' && request.body) request.body[77]! ^= 1;
        return next(args);
      },
      { step: 'finalizeRequest', priority: 'low' },
    );
    await expect(run({ clients })).rejects.toThrow('the checksum is not the data’s');
    expect([...ebs.snapshots.values()][0]!.blocks.size).toBe(0);
  });

  test('blocks are missing at the end: the whole’s checksum is refused', async () => {
    ebs.fault = first(1, 'CompleteSnapshot', { kind: 'error', status: 403, code: 'AccessDeniedException' });
    // Given up after a while in which it might show that the completion was done after all.
    await expect(run()).rejects.toThrow();
    [...ebs.snapshots.values()][0]!.blocks.delete(5);
    await expect(run()).rejects.toThrow('9 blocks were written');
    expect(ebs.images.size).toBe(0);
  });
});

describe('the journal', () => {
  const halfway = async () => {
    let puts = 0;
    const denied: Fault = { kind: 'error', status: 403, code: 'AccessDeniedException' };
    ebs.fault = operation => (operation === 'PutSnapshotBlock' && ++puts > 5 ? denied : undefined);
    await run({ parallel: 1 }).catch(() => {});
    ebs.fault = () => undefined;
    ebs.requests.splice(0);
  };

  test('with a last line that was cut off is good for the others', async () => {
    await halfway();
    await appendFile(`${file}.upload`, '\n{"blo');
    await run();
    expect(putBlocks().sort((a, b) => a - b)).toEqual(filled.slice(5));
    await expectUploaded();
  });

  test('that is lost costs an upload of all blocks, into the same snapshot', async () => {
    await halfway();
    await writeFile(`${file}.upload`, 'not a journal');
    await run();
    expect(putBlocks()).toHaveLength(10);
    expect(ebs.snapshots.size).toBe(1);
    await expectUploaded();
  });

  test('of another image is not believed', async () => {
    await halfway();
    await writeDisk(file, filled);
    await run();
    expect(putBlocks()).toHaveLength(10);
    await expectUploaded();
  });

  test('of a snapshot that EBS gave up is not believed either', async () => {
    await halfway();
    [...ebs.snapshots.values()][0]!.state = 'error';
    await run();
    expect(putBlocks()).toHaveLength(10);
    expect(ebs.snapshots.size).toBe(2);
    await expectUploaded();
  });
});

test('the end of a process between completion and registration', async () => {
  ebs.fault = first(1, 'RegisterImage', { kind: 'error', status: 403, code: 'UnauthorizedOperation' });
  await expect(run()).rejects.toThrow();
  ebs.requests.splice(0);
  await run();
  expect(putBlocks()).toEqual([]);
  expect(ebs.snapshots.size).toBe(1);
  await expectUploaded();
});

describe('the command', () => {
  const start = (...words: string[]) =>
    Bun.spawn([process.execPath, program, ...words], {
      env: { ...environment, PATH: process.env.PATH ?? '', HOME: directory, AWS_ENDPOINT_URL: server.url },
      stdio: ['ignore', 'pipe', 'pipe'],
    });

  test('killed in the middle, uploads only what is missing when it is run again', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    let puts = 0;
    ebs.gate = promise;
    ebs.fault = operation => (operation === 'PutSnapshotBlock' && ++puts > 6 ? { kind: 'hold' } : undefined);
    const child = start(file);
    await until(
      async () => puts === 10 && existsSync(`${file}.upload`) && (await journalled()).length === 6,
      'six blocks in the journal',
    );
    child.kill('SIGKILL');
    await child.exited;
    const done = await journalled();
    expect(done).toHaveLength(6);
    resolve();
    ebs.fault = () => undefined;
    ebs.requests.splice(0);

    const again = start(file);
    const [out, code] = [await again.stdout.text(), await again.exited];
    expect(code).toBe(0);
    expect(putBlocks().sort((a, b) => a - b)).toEqual(filled.filter(block => !done.includes(block)));
    await expectUploaded();
    const [id] = [...ebs.images.keys()];
    expect(out).toContain(`${id}  ${file}`);
    expect(out).toContain('aws cloudformation deploy --region eu-west-1');
    expect(out).toContain(`ImageId=${id} AllowedCidr=`);
  });

  test('says what is wrong', async () => {
    const none = start();
    expect([await none.exited, await none.stderr.text()]).toEqual([
      64,
      expect.stringContaining('bun ami/upload.ts RAW_FILE'),
    ]);
    const absent = start(join(directory, 'absent.raw'));
    expect([await absent.exited, await absent.stderr.text()]).toEqual([
      1,
      expect.stringContaining('absent.raw'),
    ]);
    ebs.fault = first(1, 'StartSnapshot', { kind: 'error', status: 403, code: 'AccessDeniedException' });
    const denied = start(file);
    expect([await denied.exited, await denied.stderr.text()]).toEqual([
      1,
      expect.stringContaining('ami/iam/upload.json'),
    ]);
  });

  test('the next command knows the image of the web server', () => {
    const images = new Map([
      ['worker.raw', 'ami-1'],
      ['web.raw', 'ami-2'],
    ]);
    expect(deployCommand(images, 'eu-west-1')).toContain('ImageId=ami-1 WebImageId=ami-2 ');
    expect(deployCommand(new Map([['all.raw', 'ami-3']]), 'eu-west-1')).toContain(
      'ImageId=ami-3 AllowedCidr',
    );
  });
});
