import type { Socket } from 'node:net';

/** The root shell that TinyLinux runs on its serial port. Commands are run one at a time. */
export class SerialShell {
  readonly #socket: Socket;
  #said = '';
  #listener: (() => void) | undefined;
  #onClose: ((error: Error) => void) | undefined;
  #count = 0;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.setEncoding('utf8');
    socket.on('data', (text: string) => {
      this.#said += text.replaceAll('\r', '');
      this.#listener?.();
    });
    socket.once('close', () => {
      this.#onClose?.(new Error(`the serial port closed after: ${this.#said.slice(-500)}`));
    });
  }

  /** What the command prints. The shell echoes what it is sent, so the marks are put together by the shell itself. */
  async run(command: string): Promise<string> {
    const mark = `mark${++this.#count}`;
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    this.#listener = () => {
      const match = new RegExp(`<${mark}\\n(.*)>${mark}\\n`, 's').exec(this.#said);
      if (match) resolve(match[1]!);
    };
    this.#onClose = reject;
    this.#said = '';
    this.#socket.write(`m=${mark}; echo "<$m"; ${command}; echo ">$m"\n`);
    return await promise;
  }

  close(): void {
    this.#socket.removeAllListeners('close');
    this.#socket.destroy();
  }
}
