import { expect, test } from 'vitest';
import { cdromDeviceId, mediumNode } from './command-line.ts';
import { insert } from './media.ts';
import { type QmpConnection, QmpError } from './qmp.ts';

const cdrom = { cdromId: 'drive', imageId: 'next' };
const id = cdromDeviceId(cdrom.cdromId);

/** QEMU's drive, in a guest that closes the tray so many times right after it was opened. */
function drive(closings: number, inside?: string) {
  const nodes = new Set(inside === undefined ? [] : [inside]);
  let isOpen = false;
  const needsOpenTray = (command: string) => {
    if (!isOpen) throw new QmpError(command, 'GenericError', `Tray of the device is not open`);
  };
  const commands: Record<string, (args: Record<string, string>) => unknown> = {
    'query-block': () => [{ qdev: id, ...(inside === undefined ? {} : { inserted: { 'node-name': inside } }) }],
    'blockdev-open-tray': () => {
      isOpen = closings <= 0;
      closings -= 1;
    },
    'blockdev-close-tray': () => {
      isOpen = false;
    },
    'blockdev-remove-medium': () => {
      needsOpenTray('blockdev-remove-medium');
      inside = undefined;
    },
    'blockdev-add': (args) => nodes.add(args['node-name']!),
    'blockdev-del': (args) => {
      if (!nodes.delete(args['node-name']!)) throw new QmpError('blockdev-del', 'GenericError', 'there is none');
    },
    'blockdev-insert-medium': (args) => {
      needsOpenTray('blockdev-insert-medium');
      inside = args['node-name'];
    },
  };
  const qmp = {
    execute: async (command: string, args: Record<string, string> = {}) => commands[command]!(args),
  } as unknown as QmpConnection;
  return { qmp, held: () => ({ inside, nodes: [...nodes], isOpen }) };
}

test.each([0, 1, 5])(
  'a medium comes in, and another one out, of a guest that closes its drive %i times',
  async (times) => {
    const empty = drive(times);
    await insert(empty.qmp, cdrom, '/cache/next');
    const node = mediumNode(cdrom);
    expect(empty.held()).toEqual({ inside: node, nodes: [node], isOpen: false });
    const full = drive(times, 'other');
    await insert(full.qmp, cdrom, '/cache/next');
    expect(full.held()).toEqual({ inside: node, nodes: [node], isOpen: false });
    const emptied = drive(times, 'other');
    await insert(emptied.qmp, { cdromId: 'drive' }, undefined);
    expect(emptied.held()).toEqual({ inside: undefined, nodes: [], isOpen: false });
  },
);

test('a guest that always closes its drive is given up, and nothing is left open for it', async () => {
  const { qmp, held } = drive(1000);
  await expect(insert(qmp, cdrom, '/cache/next')).rejects.toThrow('is not open');
  expect(held()).toEqual({ inside: undefined, nodes: [], isOpen: false });
});
