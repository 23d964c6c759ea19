import { AgentError } from '../../contract.ts';
import { diskDeviceId } from './command-line.ts';
import type { QmpConnection } from './qmp.ts';

/** What a device has open, as `query-block` tells of it. */
interface OpenBlock {
  'node-name': string;
  file: string;
}

/** The node that a guest goes on with in the place of the one it was started with is named after its disk. */
export function swappedNode(diskId: string): string {
  return `new-${diskId.slice(0, 20)}`;
}

/** What the guest has of the volume now: that may not be what it was started with. */
export async function currentBlock(qmp: QmpConnection, volumeId: string): Promise<OpenBlock> {
  const device = diskDeviceId(volumeId);
  const blocks = await qmp.execute<Array<{ qdev?: string; inserted?: OpenBlock }>>('query-block');
  const found = blocks.find(({ qdev }) => qdev?.split('/').includes(device))?.inserted;
  if (!found) throw new AgentError('not_found', `the guest has no disk of volume ${volumeId}`);
  return found;
}

/** The name of its node. */
export async function currentNode(qmp: QmpConnection, volumeId: string): Promise<string> {
  return (await currentBlock(qmp, volumeId))['node-name'];
}

export async function hasNode(qmp: QmpConnection, node: string): Promise<boolean> {
  const nodes = await qmp.execute<Array<{ 'node-name': string }>>('query-named-block-nodes', { flat: true });
  return nodes.some((one) => one['node-name'] === node);
}

/** Closes the file, if the node is there. */
export async function removeNode(qmp: QmpConnection, node: string): Promise<void> {
  if (await hasNode(qmp, node)) await qmp.execute('blockdev-del', { 'node-name': node });
}
