import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFailed, onTestFinished, test } from 'vitest';
import { freePort } from '../tests/support/free-port.ts';
import { buildTinyLinux, type TinyLinuxImage, tinyLinuxMinimumMemory, tinyLinuxVersion } from './tinylinux.ts';

const work = mkdtempSync(join(tmpdir(), 'tinylinux-test-'));
/** Long, because a reset guest boots three times slower than a fresh one under TCG (it overwrites translated code). */
const bootTimeout = 300_000;
const mac = 'fa:16:3e:00:00:01';
let image: TinyLinuxImage;

beforeAll(async () => {
  image = await buildTinyLinux({ cacheDir: resolve(import.meta.dirname, '../var/cache'), label: 'first-build' });
}, bootTimeout);
afterAll(() => rmSync(work, { recursive: true, force: true }));

/** A guest with its serial console. Its disk is thrown away; the process is ended with the test at the latest. */
function boot(name: string, args: string[]) {
  const monitor = join(work, `${name}.qmp`);
  const fixed = [
    '-machine',
    'pc,accel=tcg',
    '-m',
    `${tinyLinuxMinimumMemory}`,
    '-nodefaults',
    '-display',
    'none',
    '-vga',
    'std',
  ];
  const channels = ['-serial', 'stdio', '-qmp', `unix:${monitor},server=on,wait=off`, '-device', 'virtio-rng-pci'];
  const guest = spawn('qemu-system-x86_64', [...fixed, ...channels, '-snapshot', ...args], { stdio: 'pipe' });
  onTestFinished(() => void guest.kill('SIGKILL'));
  let text = '';
  guest.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk.replaceAll('\r', '');
    guest.emit('console');
  });
  let errors = '';
  guest.stderr.on('data', (chunk) => {
    errors += chunk;
  });
  guest.on('exit', () => guest.emit('console'));
  // What it waited for in vain is seen in what there was.
  onTestFailed(() => console.error(`${errors}${text}`));
  return {
    guest,
    monitor,
    type: (line: string) => guest.stdin.write(`${line}\n`),
    /** Resolves with the first match on the console; rejects when the guest ends before. */
    async seen(pattern: RegExp): Promise<RegExpMatchArray> {
      for (;;) {
        const match = text.match(pattern);
        if (match !== null) return match;
        if (guest.exitCode !== null) throw new Error(`The guest ended before it printed ${pattern}:\n${errors}${text}`);
        await once(guest, 'console');
      }
    },
  };
}

/** Sends one QMP command (after the obligatory negotiation) and waits for its answer. */
async function qmp(socketPath: string, command: string): Promise<void> {
  const socket = connect(socketPath).setEncoding('utf8');
  let answers = 0;
  socket.write(`{"execute":"qmp_capabilities"}{"execute":"${command}"}`);
  for await (const chunk of socket) {
    answers += String(chunk).split('"return"').length - 1;
    if (answers === 2) break;
  }
}

function configDrive(name: string, files: Record<string, string>, contents: readonly string[] = []): string {
  const folder = join(work, name, 'openstack/latest');
  mkdirSync(folder, { recursive: true });
  for (const [path, content] of Object.entries(files)) writeFileSync(join(folder, path), content);
  mkdirSync(join(folder, '../content'), { recursive: true });
  for (const [index, content] of contents.entries()) writeFileSync(join(folder, `../content/000${index}`), content);
  const iso = join(work, `${name}.iso`);
  execFileSync('genisoimage', ['-quiet', '-J', '-R', '-V', 'config-2', '-o', iso, join(work, name)]);
  return iso;
}

/** The exit code of a process, whether or not it has ended already. */
async function exitOf(process: ChildProcess): Promise<number | null> {
  if (process.exitCode === null && process.signalCode === null) await once(process, 'exit');
  return process.exitCode;
}

describe('buildTinyLinux', () => {
  test('gives the same image again from its cache, and another one for another label', async () => {
    const options = { cacheDir: resolve(import.meta.dirname, '../var/cache') };
    expect(await buildTinyLinux({ ...options, label: 'first-build' })).toEqual(image);
    const other = await buildTinyLinux({ ...options, label: 'second-build' });
    expect(other.path).not.toBe(image.path);
    expect(other.sha256).not.toBe(image.sha256);
    expect(readFileSync(image.path).subarray(0, 4).toString('latin1')).toBe('QFI\xfb');
    expect(image.size).toBe(readFileSync(image.path).length);
  });

  test('refuses a label that could break out of the release file', async () => {
    await expect(buildTinyLinux({ cacheDir: work, label: 'a;reboot' })).rejects.toThrow('label');
  });
});

describe('a TinyLinux guest', { timeout: bootTimeout }, () => {
  test('takes hostname, address, SSH key and user data from the config drive, reboots, heeds the power button', async () => {
    const key = join(mkdtempSync(join(work, 'key-')), 'key');
    const publicKey = execFileSync('dropbearkey', ['-t', 'ed25519', '-f', key], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).match(/^ssh-ed25519 .*$/m)?.[0];
    const documents = {
      'meta_data.json': JSON.stringify({
        hostname: 'web-1.example',
        uuid: 'x',
        public_keys: { 'my "key".1': `${publicKey}\n` },
        files: [
          { path: 'first.txt', content_path: '/content/0000' },
          { path: '/srv/a b/second.txt', content_path: '/content/0001' },
        ],
      }),
      'network_data.json': JSON.stringify({
        links: [{ id: 'tap0', type: 'ovs', ethernet_mac_address: mac.toUpperCase(), mtu: 1400 }],
        networks: [
          {
            id: 'network0',
            link: 'tap0',
            type: 'ipv4',
            ip_address: '10.0.2.77',
            netmask: '255.255.255.128',
            routes: [{ network: '0.0.0.0', netmask: '0.0.0.0', gateway: '10.0.2.2' }],
          },
        ],
        services: [{ type: 'dns', address: '10.0.2.3' }],
      }),
      user_data:
        '#!/bin/sh\necho "user data: $(ip route | tr "\\n" ";") mtu $(cat /sys/class/net/eth0/mtu)"\n' +
        'echo "files: $(cat /first.txt "/srv/a b/second.txt" | tr "\\n" ";")"\ntick 0.2\n',
    };
    const iso = configDrive('static', documents, ['one\n', 'two\n']);
    const port = await freePort();
    const { guest, monitor, type, seen } = boot('static', [
      ...['-drive', `file=${image.path},format=qcow2,if=virtio`, '-drive', `file=${iso},format=raw,if=ide,media=cdrom`],
      ...[
        '-netdev',
        `user,id=n0,hostfwd=tcp:127.0.0.1:${port}-10.0.2.77:22`,
        '-device',
        `virtio-net-pci,netdev=n0,mac=${mac}`,
      ],
    ]);

    await seen(new RegExp(`^TinyLinux ${tinyLinuxVersion} first-build$`, 'm'));
    expect((await seen(/TinyLinux ready: (.*)\n/))[1]).toBe('web-1.example 10.0.2.77');
    const userData = (await seen(/user data: (.*)\n/))[1];
    expect(userData).toContain('default via 10.0.2.2 dev eth0');
    expect(userData).toContain('10.0.2.0/25 dev eth0');
    expect(userData).toContain('mtu 1400');
    await seen(/files: one;two;/);
    // The prompt of the shell on the same console may stand before it.
    await seen(/tick 3$/m);

    const ssh = spawn(
      'dbclient',
      ['-y', '-y', '-T', '-i', key, '-p', `${port}`, 'root@127.0.0.1', 'cat /etc/resolv.conf'],
      {
        stdio: ['ignore', 'pipe', 'ignore'],
        env: { ...process.env, HOME: work },
      },
    );
    onTestFinished(() => void ssh.kill('SIGKILL'));
    let answer = '';
    ssh.stdout.on('data', (chunk) => {
      answer += chunk;
    });
    expect(await exitOf(ssh)).toBe(0);
    expect(answer).toBe('nameserver 10.0.2.3\n');

    await seen(/TinyLinux disk: boot 1\n/);
    type('reboot');
    await seen(/TinyLinux disk: boot 2\n(.*\n)*TinyLinux ready: web-1\.example 10\.0\.2\.77\n(.*\n)*.*root@web-1/);
    await qmp(monitor, 'system_powerdown');
    expect(await exitOf(guest)).toBe(0);
  });

  test('without a config drive asks DHCP, boots from IDE, and obeys poweroff', async () => {
    const { guest, type, seen } = boot('dhcp', [
      ...['-drive', `file=${image.path},format=qcow2,if=ide`],
      ...['-netdev', 'user,id=n0', '-device', `virtio-net-pci,netdev=n0,mac=${mac}`],
    ]);
    expect((await seen(/TinyLinux ready: (.*)\n/))[1]).toBe('tinylinux 10.0.2.15');
    await seen(/root@tinylinux:~# /);
    type('poweroff');
    expect(await exitOf(guest)).toBe(0);
  });
});
