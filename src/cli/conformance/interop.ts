import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A test that the interoperability guideline requires. */
export interface InteropTest {
  capability: string;
  id: string;
  /** As Python names it. */
  name: string;
  /** In the guideline, but not enforced. */
  isFlagged: boolean;
}

/** Tests of the guideline that Tempest itself no longer has, by the guideline's name. */
export const removedUpstream: Readonly<Record<string, string>> = {
  'tempest.api.volume.test_snapshot_metadata.VolumesMetadataTest.test_update_snapshot_metadata':
    'Tempest removed it as a duplicate; test_crud_snapshot_metadata of the snapshots stays',
};

/** Tests that Tempest moved since: the guideline's name → its own. Both have the same id. */
export const renamedUpstream: Readonly<Record<string, string>> = {
  'tempest.api.network.test_routers.RoutersTest.test_update_router_unset_gateway':
    'tempest.api.network.admin.test_routers.RoutersAdminTest.test_update_router_unset_gateway',
};

/** The 228 required tests of OpenStack Powered Compute, guideline 2020.06: the newest whose list is whole. */
export function interopTests(): InteropTest[] {
  const text = readFileSync(join(import.meta.dirname, 'interop-2020.06.tsv'), 'utf8');
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [capability, id, name, flag] = line.split('\t') as [string, string, string, string?];
      return { capability, id, name: renamedUpstream[name] ?? name, isFlagged: flag === 'flagged' };
    });
}

/** Regular expressions, each of which chooses exactly one test. */
export function interopSelection(): string[] {
  return interopTests()
    .filter(({ name }) => !(name in removedUpstream))
    .map(({ name }) => `^${name.replaceAll('.', '\\.')}(\\[|$)`);
}
