import { execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';

const execute = promisify(execFile);
/** The whole story takes seconds, and a few minutes with real guests on a slow machine. */
const patienceMs = 900_000;

/** The story, as one source file: Java compiles it as it starts. */
const source = join(import.meta.dirname, '../../../../tests/conformance/zstack-java/Story.java');

/** How a call of the SDK got on with the cloud. */
export interface SdkOutcome {
  /** The operation. */
  call: string;
  /** What is not as it has to be. */
  wrong?: string;
}

/** The JAR that `UNKAI_ZSTACK_JAVA_SDK` names, or why ZStack's Java SDK can't be run. */
export async function findJavaSdk(): Promise<{ jar: string } | { obstacle: string }> {
  const java = await execute('java', ['-version']).catch(() => undefined);
  if (!java) return { obstacle: 'java is not installed' };
  const jar = process.env['UNKAI_ZSTACK_JAVA_SDK'] ?? '';
  if (existsSync(jar)) return { jar };
  return { obstacle: 'UNKAI_ZSTACK_JAVA_SDK does not name a JAR of the SDK with what it depends on' };
}

/**
 * Lets the SDK make a server with everything around it and take it away again, with a session and with an access key. Gives
 * each call as it ends; ends with the first one that goes wrong.
 */
export async function* runJavaSdk(
  jar: string,
  cloud: { origin: string; adminPassword: string; imageUrl: string },
): AsyncGenerator<SdkOutcome> {
  const env = { PATH: process.env['PATH'], UNKAI_PASSWORD: cloud.adminPassword };
  const java = spawn('java', ['-cp', jar, source, cloud.origin, cloud.imageUrl], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: patienceMs,
  });
  let complaints = '';
  java.stderr.on('data', (chunk) => {
    complaints = `${complaints}${chunk}`.slice(-10_000);
  });
  const ended = new Promise<number | null>((resolve, reject) => java.on('error', reject).on('close', resolve));
  try {
    for await (const line of createInterface({ input: java.stdout })) {
      const [call = '', wrong = ''] = line.split('\t');
      yield wrong ? { call, wrong } : { call };
    }
    if ((await ended) !== 0) yield { call: 'the program itself', wrong: complaints.trim() || 'it did not end' };
  } finally {
    java.kill();
  }
}
