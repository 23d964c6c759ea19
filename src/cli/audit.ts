import type { Finding } from '../cloud/audit/finding.ts';
import type { Check } from './check.ts';
import type { DataFolder, RunRecord } from './data-folder.ts';
import { secretKeysOf } from './secret-keys.ts';

const name = 'audit';

/**
 * Holds what the database says against what hosts and image stores really have. Asks the cloud that runs on the folder;
 * where none does it opens the engine, without its APIs: what an earlier process left unfinished is finished first.
 */
export async function* auditFolder(folder: DataFolder): AsyncGenerator<Check> {
  const settings = folder.settings();
  if (!settings) return yield { name, state: 'ok', detail: 'no cloud yet' };
  const running = folder.running();
  if (running) return yield* auditRunning(folder, running);
  const { openUnkai } = await import('../assembly/open-unkai.ts');
  const { auditCloud } = await import('../cloud/audit/audit.ts');
  const { openLog } = await import('./log.ts');
  const adminPassword = folder.adminPassword() ?? '';
  const { cloud, close } = await openUnkai({
    ...settings,
    settings: { secretKeys: secretKeysOf(folder, settings) },
    dataDir: folder.path,
    adminPassword,
    log: openLog(folder.logFile),
  });
  try {
    await cloud.runner.idle();
    yield* checksOf(await auditCloud(cloud));
  } finally {
    await close();
  }
}

/** Has the cloud that runs look at itself. */
async function* auditRunning(folder: DataFolder, running: RunRecord): AsyncGenerator<Check> {
  const { signIn } = await import('./clients/running-cloud.ts');
  const client = await signIn(folder, running);
  const { findings } = await client.get('/unkai/v1/audit');
  yield* checksOf(
    (findings as Array<Finding & { resource_type: string; resource_id: string }>).map((finding) => ({
      ...finding,
      resource: finding.resource_type,
      id: finding.resource_id,
    })),
  );
}

function* checksOf(findings: readonly Finding[]): Generator<Check> {
  if (findings.length === 0) yield { name, state: 'ok', detail: 'hosts and image stores have what the database says' };
  for (const { level, invariant, resource, id, text } of findings) {
    const state = level === 'violation' ? 'problem' : 'warning';
    yield { name, state, detail: `${resource} ${id}: ${text} (${invariant})` };
  }
}
