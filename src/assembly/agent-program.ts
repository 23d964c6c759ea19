import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { basename, isAbsolute, resolve } from 'node:path';
import type { AgentProgram } from '../agent/far/ssh/agent-program.ts';

const entry = resolve(import.meta.dirname, '../agent/far/agent.ts');
/** Scripts of the agent's, which run by themselves. */
const scripts = ['metadata/listen.ts', 'programs/launcher-process.ts'].map((path) =>
  resolve(import.meta.dirname, '../agent', path),
);

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
  const texts = scripts.map(async (path) => [basename(path), await readFile(path, 'utf8')] as const);
  const files = { 'agent.mjs': output[0].code, ...Object.fromEntries(await Promise.all(texts)) };
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
