import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { text } from 'node:stream/consumers';

/** Between the end of a request and the next, milliseconds. */
const pause = 20;
/** Where this process may: nothing that is not as urgent keeps a client waiting for a processor. */
const goingFirst = ['chrt', '--fifo', '1'];

/**
 * Asks a server for one thing over and over, from a process of its own: what else the test does is not a part of how long
 * it takes. It goes before all others, since clients have machines of their own: how long this one waits for a processor
 * says nothing of the cloud.
 */
export class RequestTimes {
  readonly #child: ChildProcess;
  readonly #said: Promise<string>;

  constructor({ url, headers }: { url: string; headers: Record<string, string> }) {
    const words = [...(mayGoFirst() ? goingFirst : []), process.execPath, import.meta.filename, url];
    this.#child = spawn(words[0]!, [...words.slice(1), JSON.stringify(headers)], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.#said = text(this.#child.stdout!);
    this.#said.catch(() => {});
  }

  /** What 99 of 100 requests took at the most, milliseconds. */
  async p99(): Promise<number> {
    this.#child.stdin!.end();
    if (this.#child.exitCode === null) await once(this.#child, 'exit');
    const sorted = (JSON.parse(await this.#said) as number[]).toSorted((a, b) => a - b);
    return sorted[Math.floor(sorted.length * 0.99)] ?? 0;
  }
}

/** Linux gives such places to root only. */
function mayGoFirst(): boolean {
  try {
    execFileSync(goingFirst[0]!, [...goingFirst.slice(1), 'true'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

async function ask(url: string, headers: Record<string, string>, agent: Agent): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const asked = request(url, { agent, headers }, (answer) => {
      answer.resume();
      answer.on('error', reject);
      answer.on('end', resolve);
    });
    asked.on('error', reject);
    asked.end();
  });
}

/** Until its standard input ends; then it says what each request took. */
async function measure(url: string, headers: Record<string, string>): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const times: number[] = [];
  let isOver = false;
  process.stdin.resume().once('end', () => {
    isOver = true;
  });
  // The first ones open the connection, and have this program compiled.
  for (let i = 0; i < 10; i++) await ask(url, headers, agent);
  do {
    const from = performance.now();
    await ask(url, headers, agent);
    times.push(performance.now() - from);
    await new Promise((next) => setTimeout(next, pause));
  } while (!isOver);
  agent.destroy();
  process.stdout.write(JSON.stringify(times));
}

if (import.meta.main) await measure(process.argv[2]!, JSON.parse(process.argv[3]!));
