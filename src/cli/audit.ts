import type { Check } from './check.ts';
import type { DataFolder } from './data-folder.ts';

const name = 'audit';

/**
 * Holds what the database says against what hosts and image stores really have. Opens the engine, without its APIs, so
 * nothing else may run on the folder; what an earlier process left unfinished is finished first.
 */
export async function* auditFolder(folder: DataFolder): AsyncGenerator<Check> {
  const settings = folder.settings();
  if (!settings) return yield { name, state: 'ok', detail: 'no cloud yet' };
  if (folder.running()) {
    return yield {
      name,
      state: 'warning',
      detail: 'left out while the cloud runs',
      advice: 'unkai down, unkai doctor --audit, unkai up: virtual machines go on running meanwhile.',
    };
  }
  const { openUnkai } = await import('../assembly/open-unkai.ts');
  const { auditCloud } = await import('../cloud/audit/audit.ts');
  const { openLog } = await import('./log.ts');
  const adminPassword = folder.adminPassword() ?? '';
  const { cloud, close } = await openUnkai({
    ...settings,
    dataDir: folder.path,
    adminPassword,
    log: openLog(folder.logFile),
  });
  try {
    await cloud.runner.idle();
    const findings = await auditCloud(cloud);
    if (findings.length === 0)
      yield { name, state: 'ok', detail: 'hosts and image stores have what the database says' };
    for (const { level, invariant, resource, id, text } of findings) {
      const state = level === 'violation' ? 'problem' : 'warning';
      yield { name, state, detail: `${resource} ${id}: ${text} (${invariant})` };
    }
  } finally {
    await close();
  }
}
