import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DataFolder, FolderSettings, RunRecord } from './data-folder.ts';
import { humanLine } from './log.ts';
import { UserError } from './user-error.ts';

/** A control plane must take requests after so long, milliseconds. */
const startLimitMs = 180_000;
const pollMs = 20;
const tailLines = 25;

/** Where it is to listen; port 0 for any that is free. */
export interface Listening {
  port: number;
  listen: string;
  /** Image stores to be made part of the cloud, as they were written. */
  store?: readonly string[];
  /** Hosts that come back though they were taken out of the cloud. */
  readmitHost?: readonly string[];
  /** Rules for passwords and sign-ins, `name=value` each. */
  securityCompliance?: readonly string[];
  enableFaults?: boolean;
}

/** Starts the control plane as a process of its own, and resolves once it takes requests. */
export async function startInBackground(
  folder: DataFolder,
  listening: Listening,
  settings: FolderSettings,
): Promise<RunRecord> {
  mkdirSync(dirname(folder.logFile), { recursive: true, mode: 0o700 });
  const log = openSync(folder.logFile, 'a', 0o600);
  const child = spawn(process.execPath, [...process.execArgv, process.argv[1]!, ...upArguments(folder, listening)], {
    detached: true,
    stdio: ['ignore', log, log],
    env: environmentOf(settings),
  });
  closeSync(log);
  let ended: string | undefined;
  child.on('error', (error) => {
    ended = error.message;
  });
  child.on('exit', (code, signal) => {
    ended = signal ? `it was ended by ${signal}` : `it ended with exit code ${code}`;
  });
  const deadline = performance.now() + startLimitMs;
  while (ended === undefined && performance.now() < deadline) {
    const record = folder.running();
    if (record?.pid === child.pid && record && (await isReady(record.origin))) {
      child.unref();
      return record;
    }
    await sleep(pollMs);
  }
  if (ended === undefined) child.kill();
  const why = ended ?? `it was not ready after ${startLimitMs / 1000} s`;
  throw new UserError(`The cloud did not start: ${why}. The end of ${folder.logFile}:\n${logTail(folder.logFile)}`);
}

function upArguments(
  folder: DataFolder,
  { port, listen, store = [], readmitHost = [], securityCompliance = [], enableFaults }: Listening,
): string[] {
  const faults = enableFaults ? ['--enable-faults'] : [];
  const stores = store.flatMap((text) => ['--store', text]);
  const readmitted = readmitHost.flatMap((name) => ['--readmit-host', name]);
  const rules = securityCompliance.flatMap((text) => ['--security-compliance', text]);
  return [
    'up',
    '--background',
    '--data-dir',
    folder.path,
    '--port',
    String(port),
    '--listen',
    listen,
    ...stores,
    ...readmitted,
    ...rules,
    ...faults,
  ];
}

/** What is chosen goes by the environment: everyone can read arguments, and the database's URL may hold a password. */
function environmentOf(settings: FolderSettings): NodeJS.ProcessEnv {
  const { hypervisor, hosts, network, hostNetworks, tunnelAddress, database } = settings;
  const { UNKAI_DATABASE: _, ...rest } = process.env;
  const numbers = {
    UNKAI_RECLAIM_INTERVAL: settings.reclaimInterval,
    UNKAI_RESIZE_CONFIRM_WINDOW: settings.resizeConfirmWindow,
    UNKAI_LIVE_MIGRATION_BANDWIDTH: settings.liveMigrationBandwidth,
    UNKAI_IMAGE_CACHE: settings.imageCache,
  };
  return {
    ...rest,
    UNKAI_HYPERVISOR: hypervisor,
    ...(hosts ? { UNKAI_HOSTS: String(hosts) } : {}),
    ...(settings.zones ? { UNKAI_ZONES: settings.zones.join(',') } : {}),
    ...(network ? { UNKAI_NETWORK: network } : {}),
    ...(hostNetworks ? { UNKAI_HOST_NETWORKS: hostNetworks } : {}),
    ...(tunnelAddress ? { UNKAI_TUNNEL_ADDRESS: tunnelAddress } : {}),
    ...(database ? { UNKAI_DATABASE: database } : {}),
    ...(settings.innerImageSources ? { UNKAI_INNER_IMAGE_SOURCES: settings.innerImageSources } : {}),
    ...(settings.region ? { UNKAI_REGION: settings.region } : {}),
    ...(settings.tokenKey ? { UNKAI_TOKEN_KEY: settings.tokenKey } : {}),
    ...(settings.secretKeys ? { UNKAI_SECRET_KEYS: settings.secretKeys } : {}),
    ...(settings.resumeGuests ? { UNKAI_RESUME_GUESTS: settings.resumeGuests } : {}),
    ...Object.fromEntries(
      Object.entries(numbers).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]])),
    ),
  };
}

export async function isReady(origin: string): Promise<boolean> {
  return await fetch(`${origin}/readyz`, { signal: AbortSignal.timeout(5000) }).then(
    (response) => response.ok,
    () => false,
  );
}

function logTail(path: string): string {
  const lines = readFileSync(path, 'utf8').trimEnd().split('\n').slice(-tailLines);
  return lines.map((line) => `  ${line.startsWith('{') ? readable(line) : line}`).join('\n');
}

function readable(line: string): string {
  try {
    return humanLine(line);
  } catch {
    return line;
  }
}
