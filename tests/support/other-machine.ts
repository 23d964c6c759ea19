import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { newSshKey } from './ssh-key.ts';

const sshd = process.env['UNKAI_TEST_SSHD'] ?? '/usr/sbin/sshd';
/** Where the server was unpacked, or `/` where it was installed. */
const prefix = dirname(dirname(dirname(sshd)));

/** Whether this machine can have other ones within it, or has to: `unkai test --stores` brings OpenSSH's server. */
export const hasOtherMachines =
  process.getuid?.() === 0 && (process.env['UNKAI_TEST_STORES'] === 'all' || existsSync(sshd));
if (!hasOtherMachines) console.warn('Hosts on other machines are not tested: that takes root, and sshd');

/**
 * Another machine, for all that a cloud can tell: a network namespace with an address of its own and an SSH server, whose
 * users see another `/var/lib/unkai` and may log in as root by its password. Processes are this machine's.
 */
export class OtherMachine implements AsyncDisposable {
  readonly address: string;
  /** This machine's address, as the other one reaches it. */
  readonly here: string;
  readonly password = 'sesame';
  readonly #name: string;
  readonly #link: string;
  readonly #folder: string;
  #server: ChildProcess | undefined;

  private constructor(number: number) {
    this.#name = nameOf(number);
    this.#link = `ukother${number}`;
    this.here = `198.18.${number}.1`;
    this.address = `198.18.${number}.2`;
    this.#folder = mkdtempSync(join(tmpdir(), 'unkai-other-'));
  }

  static async start(): Promise<OtherMachine> {
    const machine = new OtherMachine(claimNumber());
    try {
      machine.#network();
      machine.#login();
      await machine.serve();
      return machine;
    } catch (error) {
      await machine[Symbol.asyncDispose]();
      throw error;
    }
  }

  #network(): void {
    ip('link', 'add', this.#link, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', this.#name);
    ip('address', 'add', `${this.here}/24`, 'dev', this.#link);
    ip('link', 'set', this.#link, 'up');
    ip('-n', this.#name, 'address', 'add', `${this.address}/24`, 'dev', 'eth0');
    for (const device of ['eth0', 'lo']) ip('-n', this.#name, 'link', 'set', device, 'up');
  }

  /** The server's own users and rules: nobody of this machine gets a password for it. */
  #login(): void {
    const users = readFileSync('/etc/passwd', 'utf8');
    const separated = 'sshd:x:65533:65534::/run/sshd:/usr/sbin/nologin\n';
    this.#write('passwd', /^sshd:/m.test(users) ? users : users + separated);
    cpSync('/etc/pam.d', join(this.#folder, 'pam.d'), { recursive: true });
    this.#write('check', `#!/bin/sh\nread -r given; [ "$given" = ${this.password} ]\n`, 0o755);
    const rules = [
      `auth required pam_exec.so expose_authtok quiet ${join(this.#folder, 'check')}`,
      'account required pam_permit.so',
      'session required pam_permit.so',
    ];
    this.#write('pam.d/sshd', `${rules.join('\n')}\n`);
    this.#write('key', newSshKey().private, 0o600);
    const configuration = [
      `HostKey ${join(this.#folder, 'key')}`,
      'PermitRootLogin yes',
      'PasswordAuthentication yes',
      'UsePAM yes',
      'StrictModes no',
      'PidFile none',
    ];
    this.#write('config', `${configuration.join('\n')}\n`);
    mkdirSync('/var/lib/unkai', { recursive: true });
    mkdirSync('/run/sshd', { recursive: true });
  }

  #write(name: string, text: string, mode = 0o644): void {
    const path = join(this.#folder, name);
    writeFileSync(path, text);
    chmodSync(path, mode);
  }

  /** Serves logins. What it kept is gone where it did so before: the disk is a new one. */
  async serve(): Promise<void> {
    const libraries = ['usr/lib/x86_64-linux-gnu', 'lib/x86_64-linux-gnu'].map((folder) => join(prefix, folder));
    const script = [
      'mount --make-rprivate /',
      'mount -t tmpfs tmpfs /var/lib/unkai',
      `mount --bind ${join(this.#folder, 'passwd')} /etc/passwd`,
      `mount --bind ${join(this.#folder, 'pam.d')} /etc/pam.d`,
      `LD_LIBRARY_PATH=${libraries.join(':')} exec ${sshd} -D -e -f ${join(this.#folder, 'config')}`,
    ];
    const server = spawn('ip', ['netns', 'exec', this.#name, 'unshare', '-m', 'sh', '-ec', script.join('\n')], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.#server = server;
    let said = '';
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.once('exit', (code) => reject(new Error(`the SSH server ended with ${code}: ${said}`)));
      server.stderr.on('data', (text: Buffer) => {
        said = (said + text).slice(-2000);
        if (said.includes('Server listening on')) resolve();
      });
    });
  }

  /** Runs a command there. */
  run(...command: string[]): string {
    const inside = ['-t', String(this.#server!.pid), '-m', '-n', ...command];
    return execFileSync('nsenter', inside, { encoding: 'utf8' });
  }

  /** What runs there beside its own server and whoever is logged in, in its network namespace or below it. */
  programs(): string[] {
    const all = ip('netns', 'pids', this.#name).split('\n').filter(Boolean);
    const commands = all.map((pid) => commandOf(Number(pid)));
    return commands.filter((command) => command !== '' && !command.includes('sshd')).sort();
  }

  /** Where this machine finds a file of that one. */
  path(there: string): string {
    return `/proc/${this.#server!.pid}/root${there}`;
  }

  /** Lets somebody log in who may become root without a password. */
  addUser(name: string, uid: number): void {
    const rules = '/etc/sudoers.d';
    const script = [
      `echo '${name}:*:${uid}:${uid}::/:/bin/sh' >>/etc/passwd`,
      `mount -t tmpfs -o mode=755 tmpfs ${rules}`,
      `echo '${name} ALL=(ALL) NOPASSWD:ALL' >${rules}/${name}`,
      `chmod 440 ${rules}/${name}`,
    ];
    this.run('sh', '-ec', script.join('\n'));
  }

  /** Nothing gets there or from there any more, until it is joined again. */
  cut(): void {
    ip('link', 'set', this.#link, 'down');
  }

  join(): void {
    ip('link', 'set', this.#link, 'up');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Whatever a failed test has left there.
    for (const pid of ip('netns', 'pids', this.#name).split('\n').filter(Boolean)) end(Number(pid));
    // A namespace ends some time after it was deleted, and its devices with it.
    if (existsSync(`/sys/class/net/${this.#link}`)) ip('link', 'del', this.#link);
    ip('netns', 'del', this.#name);
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

const nameOf = (number: number) => `uk-other-${number}`;

/** Makes a namespace that nobody has: another run of the tests may have its own, or have left them. */
function claimNumber(): number {
  const all = Array.from({ length: 254 }, (_, index) => index + 1);
  for (const number of all) {
    if (existsSync(`/run/netns/${nameOf(number)}`)) continue;
    try {
      ip('netns', 'add', nameOf(number));
      return number;
    } catch (error) {
      // Somebody else was quicker.
      if (!existsSync(`/run/netns/${nameOf(number)}`)) throw error;
    }
  }
  throw new Error('there are 254 other machines already');
}

function ip(...args: string[]): string {
  return execFileSync('ip', args, { encoding: 'utf8' });
}

/** Empty for one that has ended meanwhile. */
function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return '';
  }
}

function end(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}
