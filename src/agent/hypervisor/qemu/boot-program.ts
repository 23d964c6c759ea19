/** What the boot program says on the serial port when it starts. */
export const bootGreeting = 'unkai boot program: ready';

/**
 * The smallest guest: a boot sector that greets on COM1, switches the ACPI power button on, sleeps, and powers the
 * machine off when the button is pressed. Ports are those of QEMU's `pc` machine as SeaBIOS sets it up (PM base 0x600).
 */
export function bootProgram(): number[] {
  const origin = 0x7c00;
  const code = [
    [0xfa], //                       cli
    [0x31, 0xc0], //                 xor ax, ax
    [0x8e, 0xd8], //                 mov ds, ax
    [0xfc], //                       cld
    [0xbe, 0x00, 0x00], //           mov si, greeting (filled in below)
    [0xba, 0xf8, 0x03], //           mov dx, 0x3f8
    [0xac], //                 next: lodsb
    [0x84, 0xc0], //                 test al, al
    [0x74, 0x03], //                 jz armed
    [0xee], //                       out dx, al
    [0xeb, 0xf8], //                 jmp next
    [0xba, 0x02, 0x06], //    armed: mov dx, 0x602       PM1 enable
    [0xb8, 0x00, 0x01], //           mov ax, 0x0100      power button
    [0xef], //                       out dx, ax
    [0xfb, 0xf4], //          sleep: sti; hlt            until the next timer tick
    [0xba, 0x00, 0x06], //           mov dx, 0x600       PM1 status
    [0xed], //                       in ax, dx
    [0xf6, 0xc4, 0x01], //           test ah, 1
    [0x74, 0xf5], //                 jz sleep
    [0xba, 0x04, 0x06], //           mov dx, 0x604       PM1 control
    [0xb8, 0x00, 0x20], //           mov ax, 0x2000      sleep enable, type S5
    [0xef], //                       out dx, ax
    [0xf4, 0xeb, 0xfd], //     done: hlt; jmp done
  ].flat();
  const greetingAt = origin + code.length;
  code[7] = greetingAt & 0xff;
  code[8] = greetingAt >> 8;
  return [...code, ...Buffer.from(`${bootGreeting}\r\n\0`, 'latin1')];
}

/** The two sectors that the twin writer writes to. */
export const twinWriterLbas = [1, 120_000] as const;

/**
 * A boot sector that writes a growing number to the first sector, then the same number to the second one, without end.
 * At every moment the first is equal to the second or one ahead.
 */
export function twinWriterProgram(): number[] {
  const origin = 0x7c00;
  const codeLength = 45;
  const packet = (index: 0 | 1) => origin + codeLength + index * 16;
  const low = (value: number) => [value & 0xff, value >> 8];
  const code = [
    [0xfa], //                             cli
    [0x31, 0xc0], //                       xor ax, ax
    [0x8e, 0xd8], //                       mov ds, ax
    [0x8e, 0xd0], //                       mov ss, ax
    [0xbc, ...low(origin)], //             mov sp, 0x7c00
    [0xfb], //                             sti
    [0x88, 0x16, 0x00, 0x06], //           mov [0x600], dl     the drive that was booted from
    [0x66, 0xff, 0x06, ...low(0x8000)], // inc dword [0x8000]  the sector's buffer
    [0xbe, ...low(packet(0))], //          mov si, first
    [0xe8, ...low(8)], //                  call write
    [0xbe, ...low(packet(1))], //          mov si, second
    [0xe8, ...low(2)], //                  call write
    [0xeb, 0xed], //                       jmp inc
    [0xb8, 0x00, 0x43], //          write: mov ax, 0x4300      extended write
    [0x8a, 0x16, 0x00, 0x06], //           mov dl, [0x600]
    [0xcd, 0x13], //                       int 0x13
    [0xc3], //                             ret
  ].flat();
  const packets = twinWriterLbas.map((lba) => {
    const bytes = Buffer.alloc(16);
    bytes.writeUInt16LE(16, 0);
    bytes.writeUInt16LE(1, 2);
    bytes.writeUInt16LE(0x8000, 4);
    bytes.writeUInt32LE(lba, 8);
    return [...bytes];
  });
  const padding = Array<number>(codeLength - code.length).fill(0x90);
  return [...code, ...padding, ...packets.flat()];
}
