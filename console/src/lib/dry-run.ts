import { type ApiCall, send } from './api.ts';

/** What the cloud would do: the answer of any operation that is called with `Unkai-Dry-Run: 1`. */
export interface DryRunPlan {
  dry_run: true;
  operation: string;
  /** What it would begin. */
  actions: Array<{ kind: string; name: string; resource_type: string; resource_id: string }>;
  /** What would change of the project's quotas: name → how much more. */
  quota: Record<string, { used: number; change: number; limit: number }>;
  /** Where new servers would run, best host first; absent where nothing is to be placed. */
  placement?: Array<{ server: string; hosts: string[] }>;
}

/** Asks the cloud to check the call and tell what it would do. Nothing changes. Throws `ApiError` as the call would. */
export async function dryRun(call: ApiCall): Promise<DryRunPlan> {
  const { body } = await send<DryRunPlan>({ ...call, headers: { ...call.headers, 'Unkai-Dry-Run': '1' } });
  return body;
}
