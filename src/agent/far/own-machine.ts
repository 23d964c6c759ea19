import { once } from 'node:events';
import { constants } from 'node:fs';
import { access, mkdir, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { basename, dirname, join } from 'node:path';
import { type Duplex, PassThrough, type Readable } from 'node:stream';
import type { Env } from '../../env/env.ts';
import { pieceLength } from '../../env/pieces.ts';
import { AgentError } from '../contract.ts';
import { assertNamesNoOther, readBackingPath, readQcow2Header } from '../disks/qcow2-header.ts';
import { QemuImg } from '../disks/qemu-img.ts';
import { toAgentError } from '../errors.ts';
import { connectUnixSocket } from '../hypervisor/qemu/unix-socket.ts';
import { receiveFile, sendFile } from './file-stream.ts';
import type { BorrowedFolder, Machine } from './machine.ts';

/** The machine that this process runs on. */
export class OwnMachine implements Machine {
  readonly name = undefined;
  readonly #env: Env;
  readonly #folder: string;

  private constructor(env: Env, folder: string) {
    this.#env = env;
    this.#folder = folder;
  }

  /** @param folder where folders are lent; what an earlier process has left in it goes */
  static async open(env: Env, folder: string): Promise<OwnMachine> {
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { recursive: true, mode: 0o700 });
    return new OwnMachine(env, folder);
  }

  async borrowFolder(): Promise<BorrowedFolder> {
    const path = await mkdtemp(join(this.#folder, 'b'));
    return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
  }

  async files(folder: string): Promise<Array<{ name: string; size: number }>> {
    const entries = await readdir(folder, { withFileTypes: true });
    const names = entries.filter((entry) => entry.isFile()).map(({ name }) => name);
    return await Promise.all(names.map(async (name) => ({ name, size: (await stat(join(folder, name))).size })));
  }

  async read(path: string, { flat }: { flat: boolean }): Promise<Readable> {
    await access(path, constants.R_OK).catch((error) => {
      throw toAgentError(error, path);
    });
    const stream = new PassThrough({ highWaterMark: 4 * pieceLength });
    stream.on('error', () => {}); // told to whoever reads it
    const send = async () => {
      if (!flat || !path.endsWith('.qcow2') || (await readBackingPath(path)) === undefined) {
        return await sendFile(path, stream);
      }
      await using folder = await this.borrowFolder();
      const whole = join(folder.path, 'disk');
      const { virtualSize } = await readQcow2Header(path);
      const qcow2 = 'qcow2' as const;
      await new QemuImg(this.#env).convert(
        { path, format: qcow2 },
        { path: whole, format: qcow2 },
        { bytes: virtualSize },
      );
      await sendFile(whole, stream);
    };
    send().then(
      () => stream.end(),
      (error) => stream.destroy(error),
    );
    return stream;
  }

  async write(path: string, bytes: Readable, { isLayer } = { isLayer: false }): Promise<void> {
    await receiveFile(bytes, path);
    await assertNamesNoOther(path, { isLayer });
  }

  async dial(path: string): Promise<Duplex> {
    try {
      return await connectUnixSocket(dirname(path), basename(path));
    } catch (error) {
      throw new AgentError('hypervisor_failed', `${path} takes no connection: ${(error as Error).message}`);
    }
  }

  async listen(path: string, onConnection: (stream: Duplex) => void): Promise<AsyncDisposable> {
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => {}); // told by `close`
      socket.on('close', () => sockets.delete(socket));
      socket.pause();
      onConnection(socket);
    });
    server.listen({ path });
    await once(server, 'listening');
    return {
      async [Symbol.asyncDispose]() {
        for (const socket of sockets) socket.destroy();
        await new Promise((closed) => server.close(closed));
      },
    };
  }
}
