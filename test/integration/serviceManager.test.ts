import { afterEach, describe, expect, test } from 'bun:test';
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { programs } from '../../src/variables.ts';
import { endlessPhoto, harmlessPhoto, writeEndlessModels } from '../support/endlessModel.ts';
import { Requests } from '../support/requests.ts';
import { ServiceManager } from '../support/serviceManager.ts';
import { type Running, run } from '../support/system.ts';
import { temporaryDirectory, until } from '../support/temporary.ts';

const DEADLINE_MS = 300_000;

const running: Running[] = [];
afterEach(async () => {
  for (const one of running.splice(0)) if (one.child.exitCode === null) await one.end('SIGKILL');
});

let sockets = 0;

function started(script: string, settings: Readonly<Record<string, string>> = {}, socket?: string) {
  const directory = temporaryDirectory();
  const name = socket ?? `@facerec-test-${process.pid}-${sockets++}`;
  const manager = new ServiceManager(name);
  const program = run(script, {
    FACEREC_DATA: join(directory, 'data'),
    FACEREC_PORT: '0',
    FACEREC_MAX_INSTANCES: '1',
    NOTIFY_SOCKET: name,
    WATCHDOG_USEC: '2000000',
    ...settings,
  });
  running.push(program);
  return { manager, program, directory };
}

describe.each(programs)('facerec-%s', program => {
  test(
    'says when it is ready, that it lives, and when it stops',
    async () => {
      const { manager, program: running } = started(`src/${program}.ts`);
      await manager.heard(/^READY=1\nSTATUS=./);
      await until(() => manager.count('WATCHDOG=1') >= 3, 'three signs of life', 120_000);
      expect(manager.count('STOPPING=1')).toBe(0);
      expect(await running.end()).toBe(0);
      expect(manager.count('READY=1')).toBe(1);
      expect(manager.position(/STOPPING=1/)).toBeGreaterThan(manager.position(/WATCHDOG=1/));
      expect(manager.position(/WATCHDOG=1/)).toBeGreaterThan(manager.position(/READY=1/));
      expect(running.output()).toContain('"event":"ready"');
      manager.close();
    },
    DEADLINE_MS,
  );

  test(
    'a reload is told with the time at which it began',
    async () => {
      const { manager, program: running } = started(`src/${program}.ts`);
      await manager.heard(/^READY=1/);
      running.child.kill('SIGHUP');
      await manager.heard(/^RELOADING=1\nMONOTONIC_USEC=\d+$/);
      await until(() => manager.count('READY=1') === 2, 'ready again');
      // The system's clock since its boot, in whole seconds, is in the first word of this file.
      const uptime = Number((await Bun.file('/proc/uptime').text()).split(' ')[0]) * 1e6;
      const [, microseconds] = /MONOTONIC_USEC=(\d+)/.exec(manager.notes.join('\n')) ?? [];
      expect(Number(microseconds)).toBeGreaterThan(0);
      expect(Number(microseconds)).toBeLessThanOrEqual(uptime + 1e6);
      expect(running.output()).toContain('nothing-to-reload');
      expect(await running.end()).toBe(0);
      manager.close();
    },
    DEADLINE_MS,
  );
});

test(
  'a socket with a path will do, and so will none',
  async () => {
    const path = join(temporaryDirectory(), 'notify');
    const { manager, program } = started('src/web.ts', {}, path);
    await manager.heard(/^READY=1\nSTATUS=serving on http/);
    expect(await program.end()).toBe(0);
    manager.close();
    const deaf = run('src/web.ts', {
      FACEREC_DATA: join(temporaryDirectory(), 'data'),
      FACEREC_PORT: '0',
      NOTIFY_SOCKET: '/nonexistent/notify',
    });
    running.push(deaf);
    await deaf.said(/"event":"notify-error".*ENOENT/);
    await deaf.said(/listens on/);
    expect(await deaf.end()).toBe(0);
  },
  DEADLINE_MS,
);

test(
  'a service manager that is slow to listen hears everything in the end',
  async () => {
    const { manager, program } = started('src/web.ts', { WATCHDOG_USEC: '40000' });
    await program.said(/"event":"notify-error".*EAGAIN/);
    await program.said(/"route":"\/readyz","status":200/);
    // Its answer reaches the program, which is ready then: that, too, it cannot tell yet.
    await Bun.sleep(500);
    program.child.kill('SIGTERM');
    await program.said(/"event":"goodbye"/);
    await until(() => manager.position(/STOPPING=1/) > 0, 'the stop');
    expect(manager.position(/^READY=1/)).toBeGreaterThanOrEqual(0);
    expect(manager.position(/^READY=1/)).toBeLessThan(manager.position(/STOPPING=1/));
    expect(await program.end()).toBe(0);
    manager.close();
  },
  DEADLINE_MS,
);

test(
  'a watchdog for another process is not fed',
  async () => {
    const { manager, program } = started('src/web.ts', { WATCHDOG_PID: '1', WATCHDOG_USEC: '200000' });
    await manager.heard(/^READY=1/);
    program.child.kill('SIGHUP');
    await until(() => manager.count('READY=1') === 2, 'ready again');
    expect(await program.end()).toBe(0);
    expect(manager.count('WATCHDOG=1')).toBe(0);
    manager.close();
  },
  DEADLINE_MS,
);

test(
  'workers are not handed the way to the service manager',
  async () => {
    const command = join(temporaryDirectory(), 'worker');
    await writeFile(command, '#!/bin/sh\necho "names: $(env | cut -d= -f1 | tr "\\n" " ")" >&2\nexec cat\n');
    await chmod(command, 0o755);
    const { manager, program } = started('src/controller.ts', {
      FACEREC_WORKER_COMMAND: command,
      WATCHDOG_PID: '1',
    });
    const [names] = await program.said(/names: .*/);
    expect(names).toContain('FACEREC_INSTANCE_ID');
    expect(names).not.toMatch(/NOTIFY_SOCKET|WATCHDOG/);
    await manager.heard(/STATUS=acting/);
    expect(await program.end()).toBe(0);
    manager.close();
  },
  DEADLINE_MS,
);

test(
  'an engine that hangs is told, and starves the watchdog; the others go on',
  async () => {
    const models = join(temporaryDirectory(), 'models');
    await writeEndlessModels(models);
    const { manager, program, directory } = started('src/worker.ts', { FACEREC_MODELS: models });
    const requests = await Requests.open({ FACEREC_DATA: join(directory, 'data') });
    await manager.heard(/^READY=1/);
    const good = await requests.send(await harmlessPhoto());
    await until(() => requests.isAnswered(good), 'an answer', 120_000);
    await requests.send(await endlessPhoto());
    await manager.heard(/STATUS=stuck: the engine has not answered for \d+ s/);
    const fed = manager.count('WATCHDOG=1');
    expect(fed).toBeGreaterThan(0);
    // The process itself answers signals, so its clock ticks on: for several ticks of 500 ms there is no sign of life.
    await manager.heard(/STATUS=stuck: the engine has not answered for ([5-9]|\d{2,}) s/);
    expect(manager.count('WATCHDOG=1')).toBe(fed);
    expect(program.output()).toMatch(/"event":"stuck","what":"the engine has not answered/);
    await requests.services.close();
    manager.close();
  },
  DEADLINE_MS,
);

test(
  'a frozen process is silent, and lives on when it thaws',
  async () => {
    const { manager, program } = started('src/web.ts');
    await manager.heard(/^READY=1/);
    await until(() => manager.count('WATCHDOG=1') > 0, 'a sign of life');
    program.child.kill('SIGSTOP');
    await Bun.sleep(100);
    const before = manager.count('WATCHDOG=1');
    await Bun.sleep(1500);
    expect(manager.count('WATCHDOG=1')).toBe(before);
    program.child.kill('SIGCONT');
    await until(() => manager.count('WATCHDOG=1') > before, 'a sign of life');
    expect(await program.end()).toBe(0);
    manager.close();
  },
  DEADLINE_MS,
);
