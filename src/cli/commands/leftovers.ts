import { clientOf } from '../clients/running-cloud.ts';
import { DataFolder } from '../data-folder.ts';
import { UserError } from '../user-error.ts';

export interface LeftoversOptions {
  dataDir: string;
  since: string;
  json: boolean;
}

interface LeftoverView {
  resource_type: string;
  id: string;
  name: string | null;
  project_id: string | null;
  created_at: string;
}

/** `unkai leftovers`: exit code 1 when something is there, so that a test suite can end with it. */
export async function leftovers(options: LeftoversOptions): Promise<void> {
  const since = instantOf(options.since, new Date()).toISOString();
  const client = await clientOf(new DataFolder(options.dataDir));
  const answer = await client.get(`/unkai/v1/leftovers?since=${encodeURIComponent(since)}`);
  const found = answer.leftovers as LeftoverView[];
  if (found.length > 0) process.exitCode = 1;
  if (options.json) return console.log(JSON.stringify(found, undefined, 2));
  if (found.length === 0) return console.log(`Nothing that was made since ${since} is left.`);
  for (const { resource_type, id, name, project_id, created_at } of found)
    console.log(
      `${created_at}  ${resource_type.padEnd(16)} ${id}  ${name ?? ''}${project_id ? `  (project ${project_id})` : ''}`,
    );
}

const units = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** A time (`2026-11-21T10:00:00Z`), or how long ago (`90s`, `10m`, `2h`, `1d`). */
export function instantOf(text: string, now: Date): Date {
  const ago = /^(\d+)([smhd])$/.exec(text);
  if (ago) return new Date(now.getTime() - Number(ago[1]) * units[ago[2] as keyof typeof units]);
  const at = new Date(text);
  if (Number.isNaN(at.getTime())) throw new UserError(`${text} is no time; write 2026-11-21T10:00:00Z or 10m.`);
  return at;
}
