import { AgentError, type AgentErrorCode } from './contract.ts';

/** The code of a Node.js system error (`ENOENT`, …), or undefined. */
export function systemErrorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

export function isNotFound(error: unknown): boolean {
  return systemErrorCode(error) === 'ENOENT';
}

/** The failure as an `AgentError`: a full disk becomes `no_space`, a missing file `not_found`, the rest `fallback`. */
export function toAgentError(error: unknown, what: string, fallback: AgentErrorCode = 'hypervisor_failed'): AgentError {
  if (error instanceof AgentError) return error;
  const code = systemErrorCode(error);
  const message = `${what}: ${error instanceof Error ? error.message : String(error)}`;
  if (code === 'ENOSPC' || code === 'EDQUOT') return new AgentError('no_space', message, { cause: error });
  if (code === 'ENOENT') return new AgentError('not_found', message, { cause: error });
  return new AgentError(fallback, message, { cause: error });
}

const safeName = /^[A-Za-z0-9][A-Za-z0-9_-]{0,127}$/;

/** Refuses an id that could not be a plain file name: ids become paths. */
export function assertSafeId(kind: string, id: string): void {
  if (!safeName.test(id)) throw new AgentError('unsupported', `${kind} id ${JSON.stringify(id)} can't name a file`);
}

const serverIdForm = /^[0-9a-f]{32}$/;

/** Refuses a server id that is not 32 hex digits: it becomes the guest's UUID. */
export function assertServerId(id: string): void {
  if (!serverIdForm.test(id))
    throw new AgentError('unsupported', `server id ${JSON.stringify(id)} is not 32 hex digits`);
}
