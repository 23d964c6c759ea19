import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { documentTypes, jsonOf, type UsedOperations } from './document-types.ts';

// node console/openapi/answers.ts

/** Whose answers the console has types of: operations of each API's OpenAPI document. */
const used: UsedOperations = {
  native: [
    'ListActivities',
    'ShowActivity',
    'ShowOverview',
    'ListImageCopies',
    'ListDeletedImages',
    'ListMigrationTargets',
  ],
  compute: ['ShowServer', 'ShowFlavor', 'ListKeypairs', 'ListAvailabilityZones', 'ListVolumeAttachments'],
  image: ['ShowImage', 'ListImageMembers'],
  placement: ['ListInventories'],
  network: ['ShowNetwork', 'ShowSubnet', 'ShowPort', 'ShowRouter', 'ShowSecurityGroup'],
  volume: ['ShowVolume', 'ShowSnapshot'],
  identity: ['ListAvailableProjects'],
};

/** Where the types stand: they are committed, and a test holds that they are those of the documents. */
export const answersFile = resolve(import.meta.dirname, '../src/api/answers.ts');

/** The TypeScript types of the answers that the console reads, from the cloud's own OpenAPI documents. */
export async function answerTypes(): Promise<string> {
  const types = await documentTypes(used, '', ({ responses }) => jsonOf(responses['200']));
  return `// Made by \`node console/openapi/answers.ts\` from the cloud's OpenAPI documents.\n${types}`;
}

if (import.meta.main) writeFileSync(answersFile, await answerTypes());
