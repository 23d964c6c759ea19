import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { isAbsolute, resolve } from 'node:path';
import type { AgentProgram } from '../agent/far/ssh/agent-program.ts';

const entry = resolve(import.meta.dirname, '../agent/far/agent.ts');
/** A script of the agent's, which runs by itself. */
const listener = resolve(import.meta.dirname, '../agent/metadata/listen.ts');

let built: Promise<AgentProgram> | undefined;

/** The agent for hosts on other machines, put together once. */
export function agentProgram(): Promise<AgentProgram> {
  built ??= build();
  built.catch(() => {
    built = undefined;
  });
  return built;
}

async function build(): Promise<AgentProgram> {
  const { rolldown } = await import('rolldown');
  const bundle = await rolldown({ input: entry, platform: 'node', logLevel: 'silent' });
  const { output } = await bundle.generate({ format: 'esm', codeSplitting: false });
  const files = { 'agent.mjs': output[0].code, 'listen.ts': await readFile(listener, 'utf8') };
  const sources = output[0].moduleIds.filter((id) => isAbsolute(id));
  await bundle.close();
  const times = await Promise.all(sources.map(async (path) => (await stat(path)).mtimeMs));
  const digest = createHash('sha256').update(JSON.stringify(files)).digest('hex').slice(0, 12);
  // In order of time as texts: newer sources replace older ones.
  const age = Math.floor(Math.max(...times))
    .toString(36)
    .padStart(9, '0');
  const architecture = process.arch === 'arm64' ? 'aarch64' : 'x86_64';
  return { name: `${age}-${digest}`, files, node: { version: process.version, path: process.execPath, architecture } };
}
