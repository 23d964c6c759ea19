import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { access, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { realEnv } from '../../env/real.ts';
import { kernelNfsClient } from './nfs-client.ts';

const run = promisify(execFile);
const client = kernelNfsClient(realEnv());
const port = 20_490;
const limitMs = 60_000;

/** Why no NFS server of this machine can be mounted here. */
async function whyNot(): Promise<string | undefined> {
  if (process.getuid?.() !== 0) return 'mounting needs root';
  for (const [path, what] of [
    ['/sbin/mount.nfs', 'mount.nfs (Debian: nfs-common)'],
    ['/usr/bin/ganesha.nfsd', 'NFS-Ganesha (Debian: nfs-ganesha, nfs-ganesha-vfs)'],
  ] as const)
    if (!(await isThere(path))) return `this machine has no ${what}`;
  await run('modprobe', ['nfs']).catch(() => undefined);
  const known = await readFile('/proc/filesystems', 'utf8');
  return /\bnfs4\b/.test(known) ? undefined : 'the kernel has no NFS client';
}

const isThere = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  );
const why = await whyNot();

describe.skipIf(why)(`a folder of NFS-Ganesha${why === undefined ? '' : ` (skipped: ${why})`}`, () => {
  let root: string;
  let server: ChildProcess;
  const point = () => join(root, 'point');
  const mount = () => client.mount(point(), { source: '127.0.0.1:/share', options: `vers=4.2,port=${port}` });

  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'unkai-ganesha-'));
    for (const name of ['share', 'point', 'recovery']) await mkdir(join(root, name));
    const config = [
      `NFS_CORE_PARAM { Protocols = 4; NFS_Port = ${port}; Enable_NLM = false; Enable_RQUOTA = false; }`,
      `NFSv4 { Graceless = true; RecoveryRoot = "${join(root, 'recovery')}"; }`,
      `EXPORT { Export_Id = 1; Path = "${join(root, 'share')}"; Pseudo = "/share"; Access_Type = RW;`,
      'Squash = No_Root_Squash; SecType = sys; Protocols = 4; Transports = TCP; FSAL { Name = VFS; } }',
    ];
    await writeFile(join(root, 'ganesha.conf'), config.join('\n'));
    const files = ['-f', join(root, 'ganesha.conf'), '-L', join(root, 'log'), '-p', join(root, 'pid')];
    server = spawn('ganesha.nfsd', ['-F', ...files], { stdio: 'ignore' });
  }, limitMs);

  afterAll(async () => {
    await client.unmount(point(), { isDead: true }).catch(() => undefined);
    server.kill('SIGKILL');
    await rm(root, { recursive: true, force: true });
  });

  test(
    'is mounted, known, asked, refused while in use, and let go of when its server is dead',
    async () => {
      await expect
        .poll(() => mount().then(() => 'mounted', String), { timeout: limitMs, interval: 500 })
        .toBe('mounted');
      const here = () => client.mounted().then((all) => all.filter((one) => one.point === point()));
      expect(await here()).toEqual([{ point: point(), type: 'nfs4', source: '127.0.0.1:/share' }]);
      await writeFile(join(point(), 'file'), 'bytes');
      expect(await readFile(join(root, 'share', 'file'), 'utf8')).toBe('bytes');
      await client.probe(point());
      const user = spawn('sleep', ['1000'], { cwd: point() });
      await expect(client.unmount(point(), { isDead: false })).rejects.toThrow(/busy/);
      user.kill();
      await expect.poll(() => client.unmount(point(), { isDead: false }).then(() => 'done', String)).toBe('done');
      expect(await here()).toEqual([]);
      const wrong = { source: '127.0.0.1:/elsewhere', options: `vers=4.2,port=${port}` };
      await expect(client.mount(point(), wrong)).rejects.toThrow(/can't be mounted: mount.nfs: /);
      await mount();
      server.kill('SIGSTOP');
      await expect(client.probe(point())).rejects.toThrow('does not answer');
      await client.unmount(point(), { isDead: true });
      expect(await here()).toEqual([]);
      await expect(mount()).rejects.toThrow('timed out');
      server.kill('SIGCONT');
    },
    2 * limitMs,
  );
});
