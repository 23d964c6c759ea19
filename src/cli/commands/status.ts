import { isReady } from '../background.ts';
import { DataFolder, type RunRecord } from '../data-folder.ts';
import { residentMemory } from '../process-identity.ts';
import { type ReconcilerFigures, reconcilersIn } from '../reconcilers.ts';

const notRunning = 3;

/** `unkai status` */
export async function status({ dataDir, json }: { dataDir: string; json: boolean }): Promise<void> {
  const folder = new DataFolder(dataDir);
  const record = folder.running();
  if (!record) {
    process.exitCode = notRunning;
    const state = folder.settings() ? 'stopped' : 'new';
    if (json) return console.log(JSON.stringify({ state, dataDir: folder.path }));
    console.log(state === 'new' ? `No cloud in ${folder.path} yet; unkai up makes one.` : 'The cloud does not run.');
    return;
  }
  const ready = await isReady(record.origin);
  if (!ready) process.exitCode = 1;
  const { servers, actions, reconcilers } = await figures(record.origin);
  const memory = residentMemory(record.pid);
  const state = ready ? 'ready' : 'not ready';
  if (json) {
    const { started: _, ...run } = record;
    return console.log(
      JSON.stringify({
        state,
        dataDir: folder.path,
        ...run,
        residentBytes: memory,
        servers,
        runningActions: actions,
        reconcilers,
      }),
    );
  }
  const lines = [
    ['state', state],
    ['address', record.origin],
    ['process', `${record.pid}, since ${record.startedAt}${memory ? `, ${Math.round(memory / 2 ** 20)} MiB` : ''}`],
    ['hypervisor', hypervisorText(record)],
    ['database', record.database],
    ['data', folder.path],
    ['log', folder.logFile],
    ['servers', serversText(servers)],
    ['actions', `${actions} under way`],
    ['reconcilers', reconcilersText(reconcilers)],
  ];
  for (const [name, value] of lines) console.log(`${name!.padEnd(12)}${value}`);
}

function hypervisorText({ hypervisor }: RunRecord): string {
  return hypervisor === 'simulated' ? 'SIMULATED: servers are records only' : hypervisor;
}

function serversText(servers: Record<string, number>): string {
  const parts = Object.entries(servers).map(([state, count]) => `${count} ${state}`);
  return parts.length === 0 ? 'none' : parts.join(', ');
}

function reconcilersText(reconcilers: readonly ReconcilerFigures[]): string {
  const failing = reconcilers.filter(({ isFailing }) => isFailing).map(({ name }) => name);
  return failing.length === 0 ? `${reconcilers.length}, all well` : `failing: ${failing.join(', ')}`;
}

/** What `/metrics` says of the engine: readable without signing in. */
async function figures(
  origin: string,
): Promise<{ servers: Record<string, number>; actions: number; reconcilers: ReconcilerFigures[] }> {
  const text = await fetch(`${origin}/metrics`, { signal: AbortSignal.timeout(5000) }).then(
    (response) => response.text(),
    () => '',
  );
  const servers = text.matchAll(/^unkai_servers\{vm_state="([\w-]+)"\} (\d+)/gm);
  return {
    servers: Object.fromEntries([...servers].map(([, state, count]) => [state!, Number(count)])),
    reconcilers: reconcilersIn(text),
    actions: Number(/^unkai_actions_running (\d+)/m.exec(text)?.[1] ?? 0),
  };
}
