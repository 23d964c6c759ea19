import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

/** What hosts may be asked, in parts. */
const contracts = [
  'agent/balancer-contract',
  'agent/disk-limits',
  'agent/file-content',
  'agent/insight-contract',
  'agent/medium-contract',
  'agent/migration-contract',
  'agent/network-contract',
  'agent/nic-contract',
  'agent/storage-contract',
] as const;

/** What each room of the house may import from. Imports run downward only; `docs/architecture.md` draws it. */
const mayImport: Record<string, readonly string[]> = {
  env: [],
  database: ['env'],
  actions: ['database', 'env'],
  'agent/disk-limits': [],
  'agent/file-content': [],
  'agent/insight-contract': ['agent/contract'],
  'agent/balancer-contract': [],
  'agent/network-contract': ['agent/balancer-contract', 'agent/file-content'],
  'agent/medium-contract': [],
  'agent/migration-contract': ['agent/contract'],
  'agent/nic-contract': ['agent/contract'],
  'agent/storage-contract': ['agent/contract'],
  'agent/contract': contracts,
  agent: ['agent/contract', ...contracts, 'ssh', 'env'],
  ssh: ['env'],
  'image-stores': ['ssh', 'env'],
  'image-sources': ['env'],
  'backup-stores': ['env'],
  cloud: [
    'actions',
    'database',
    'image-stores',
    'image-sources',
    'backup-stores',
    'ssh',
    'agent/contract',
    ...contracts,
    'env',
  ],
  api: ['cloud', 'agent/contract', 'env'],
  'dialects/openstack': ['api', 'cloud', 'env'],
  'dialects/k5': ['dialects/openstack', 'api', 'cloud', 'env'],
  'dialects/zstack': ['api', 'cloud', 'env'],
  'dialects/native': ['api', 'cloud', 'env'],
  assembly: [
    'dialects/openstack',
    'dialects/k5',
    'dialects/zstack',
    'dialects/native',
    'api',
    'cloud',
    'agent',
    'agent/contract',
    'database',
    'env',
    'guest',
  ],
  simulation: ['cloud', 'actions', 'agent', 'agent/contract', 'backup-stores', 'image-stores', 'database', 'env'],
  cli: [
    'simulation',
    'assembly',
    'dialects/zstack',
    'api',
    'cloud',
    'agent',
    'agent/contract',
    ...contracts,
    'database',
    'env',
    'guest',
  ],
  guest: [],
};

/** What the logic of the cloud may not use itself: time and chance come from `env/`, effects live in drivers. */
const forbidden: Record<string, readonly RegExp[]> = {
  cloud: [/\bDate\.now\b/, /\bMath\.random\b/, /\bset(Timeout|Interval)\b/, /'node:(fs|child_process)/],
  actions: [/\bDate\.now\b/, /\bMath\.random\b/, /\bset(Timeout|Interval)\b/, /'node:(fs|child_process)/],
};

const root = resolve(import.meta.dirname, '../..');

function sources(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts') && !isTest(entry.name))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)));
}

/** Tests and what only they use may reach everywhere. */
function isTest(name: string): boolean {
  return (
    name.endsWith('.test.ts') || name.includes('.fixture.') || name.startsWith('test-') || name.endsWith('-suite.ts')
  );
}

function roomOf(file: string): string {
  const path = file.replace(/^src\//, '');
  const rooms = Object.keys(mayImport).sort((a, b) => b.length - a.length);
  const room = rooms.find((name) => path === `${name}.ts` || path.startsWith(`${name}/`));
  if (!room) throw new Error(`${file} is in no room of the house`);
  return room;
}

function importsOf(file: string): string[] {
  const text = readFileSync(join(root, file), 'utf8');
  const found = [...text.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)];
  return found.map(([, path]) => relative(root, resolve(root, dirname(file), path!)));
}

describe('the house', () => {
  const files = [...sources('src'), ...sources('guest')];

  it('has files to look at', () => {
    expect(files.length).toBeGreaterThan(200);
  });

  it('imports downward only', () => {
    const wrong: string[] = [];
    for (const file of files) {
      const room = roomOf(file);
      for (const target of importsOf(file)) {
        const other = roomOf(target);
        if (other !== room && !mayImport[room]!.includes(other)) wrong.push(`${file} imports ${target}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  it('takes time, chance and effects from env and drivers', () => {
    const wrong: string[] = [];
    for (const [room, patterns] of Object.entries(forbidden)) {
      for (const file of files.filter((name) => name.startsWith(`src/${room}/`))) {
        const text = readFileSync(join(root, file), 'utf8');
        for (const pattern of patterns) if (pattern.test(text)) wrong.push(`${file} uses ${pattern.source}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  it('keeps every file to one idea', () => {
    const long = files.filter((file) => readFileSync(join(root, file), 'utf8').split('\n').length > 401);
    expect(long).toEqual([]);
  });

  it('has no circles', () => {
    const graph = new Map(files.map((file) => [file, importsOf(file)]));
    const state = new Map<string, 'open' | 'done'>();
    const circles: string[] = [];
    const visit = (file: string, trail: string[]) => {
      if (state.get(file) === 'done') return;
      if (state.get(file) === 'open') return void circles.push([...trail.slice(trail.indexOf(file)), file].join(' → '));
      state.set(file, 'open');
      for (const next of valueImports(file, graph)) visit(next, [...trail, file]);
      state.set(file, 'done');
    };
    for (const file of files) visit(file, []);
    expect(circles).toEqual([]);
  });
});

/** Types alone make no circle at run time. */
function valueImports(file: string, graph: Map<string, string[]>): string[] {
  const text = readFileSync(join(root, file), 'utf8');
  const typeOnly = new Set(
    [...text.matchAll(/import type [^;]*? from '(\.[^']+)'/g)].map(([, path]) =>
      relative(root, resolve(root, dirname(file), path!)),
    ),
  );
  return (graph.get(file) ?? []).filter((target) => !typeOnly.has(target));
}
