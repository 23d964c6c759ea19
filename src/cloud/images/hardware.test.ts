import { describe, expect, it } from 'vitest';
import { rescueBusOf } from './hardware.ts';

describe('rescueBusOf', () => {
  it.each([
    [{}, undefined],
    [{ hw_disk_bus: 'sata' }, undefined],
    [{ hw_rescue_device: 'disk' }, 'virtio'],
    [{ hw_rescue_device: 'cdrom' }, 'cdrom'],
    [{ hw_rescue_bus: 'virtio' }, 'virtio'],
    [{ hw_rescue_bus: 'scsi' }, 'sata'],
    [{ hw_rescue_bus: 'usb', hw_rescue_device: 'disk' }, 'sata'],
    [{ hw_rescue_bus: 'ide', hw_rescue_device: 'disk' }, 'ide'],
    [{ hw_rescue_bus: 'ide', hw_rescue_device: 'cdrom' }, 'cdrom'],
  ])('reads %j as %s', (properties, bus) => expect(rescueBusOf(properties)).toBe(bus));

  it.each([
    [{ hw_rescue_device: 'floppy' }, 'hw_rescue_device'],
    [{ hw_rescue_device: 'cdrom', hw_rescue_bus: 'virtio' }, 'hw_rescue_device'],
    [{ hw_rescue_bus: 'xen' }, 'hw_rescue_bus'],
    [{ hw_rescue_bus: 'constructor' }, 'hw_rescue_bus'],
  ])('refuses %j', (properties, field) => {
    expect(() => rescueBusOf(properties)).toThrow(expect.objectContaining({ code: 'invalid', details: { field } }));
  });
});
