import { collectFindings, startParsers } from './detector.ts';
import { defaultMaxVirtualSize, type InspectionOptions } from './inspect.ts';
import type { RegionReply, RegionRequest } from './parser.ts';
import { admitFor, type Inspection } from './policy.ts';

/** An open file, as `FileHandle` of node:fs/promises is one. */
export interface ReadableFile {
  read(buffer: Buffer, offset: number, length: number, position: number): Promise<{ bytesRead: number }>;
  stat(): Promise<{ size: number }>;
}

/**
 * Inspects a file by reading only the regions that the parsers ask for, so that the check before each boot costs the
 * same for an image of any size. The rules are those of `createInspector`; throws `ImageRefused`.
 */
export async function inspectFile(file: ReadableFile, options: InspectionOptions): Promise<Inspection> {
  const { declaredFormat, policy = 'use', maxVirtualSize = defaultMaxVirtualSize } = options;
  const { size } = await file.stat();
  const runs = startParsers({ declaredFormat, maxVirtualSize });
  for (const run of runs) {
    while (run.request) run.answer(await readRegion(file, run.request, size));
  }
  return admitFor(policy, collectFindings(runs, size), declaredFormat);
}

async function readRegion(file: ReadableFile, request: RegionRequest, size: number): Promise<RegionReply> {
  const from = request.kind === 'end' ? Math.max(0, size - request.length) : Math.min(request.from, size);
  const to = request.kind === 'end' ? size : Math.min(request.to, size);
  const bytes = Buffer.alloc(to - from);
  let filled = 0;
  while (filled < bytes.length) {
    const { bytesRead } = await file.read(bytes, filled, bytes.length - filled, from + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return { bytes: bytes.subarray(0, filled), size };
}
