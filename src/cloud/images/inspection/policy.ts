import type { Findings } from './detector.ts';
import { ImageRefused } from './image-refused.ts';
import type { DetectedFormat, Finding } from './parser.ts';

/** `upload`: an image store is to keep the bytes. `use`: a host is about to open them. */
export type InspectionPolicy = 'upload' | 'use';

export type AdmittedFormat = 'raw' | 'qcow2' | 'vmdk' | 'vdi' | 'vhd' | 'vhdx' | 'iso' | 'luks';

/** An image that was let through. */
export interface Inspection {
  /** The format by which the image must be opened, always given explicitly and never guessed again. */
  format: AdmittedFormat;
  /** What the content looks like. More than one only where that is harmless, or raw bytes are merely kept. */
  detected: Array<DetectedFormat | 'raw'>;
  /** Bytes of the disk that a guest would see. */
  virtualSize: number;
  /** Bytes of the file. */
  size: number;
}

const withParser = ['qcow2', 'qed', 'vmdk', 'vdi', 'vhd', 'vhdx', 'iso', 'gpt', 'luks'];
/** Glance's formats for which there is nothing to parse: what is declared as one of them must look like raw data. */
const withoutParser = ['ami', 'aki', 'ari', 'ploop'];
const likeRaw: Array<DetectedFormat | 'raw'> = ['raw', 'gpt', 'iso'];

/** Whether an image may be declared so at all. */
export function isKnownFormat(declared: string): boolean {
  return declared === 'raw' || withParser.includes(declared) || withoutParser.includes(declared);
}

/**
 * Decides whether an image store takes the bytes, as Glance does with `require_image_format_match`. Raw takes anything,
 * because the store only keeps it: `admitForUse` looks again before a host opens it. Throws `ImageRefused`.
 */
function admitForUpload(findings: Findings, declared: string): Inspection {
  if (declared === 'raw') {
    const detected = findings.matches.map((match) => match.format);
    return raw(findings, detected.length > 0 ? detected : ['raw']);
  }
  return admit(findings, declared);
}

/**
 * Decides whether a host may open the image as a disk, as Nova does before each boot, rebuild and rescue. Raw that is
 * secretly another disk format is refused here (CVE-2024-40767). Throws `ImageRefused`.
 */
function admitForUse(findings: Findings, declared: string): Inspection {
  if (declared === 'luks' || declared === 'ploop') throw unsupported(declared);
  return admit(findings, declared);
}

export function admitFor(policy: InspectionPolicy, findings: Findings, declared: string): Inspection {
  return policy === 'upload' ? admitForUpload(findings, declared) : admitForUse(findings, declared);
}

function admit(findings: Findings, declared: string): Inspection {
  if (!isKnownFormat(declared)) throw unsupported(declared);
  const match = theOne(findings.matches, declared);
  const format = match?.format ?? 'raw';
  const isRaw = declared === 'raw' || withoutParser.includes(declared);
  if (isRaw ? !likeRaw.includes(format) : format !== declared) throw mismatch(declared, format);
  if (match?.refusal) throw match.refusal;
  if (isRaw || !match || format === 'gpt' || format === 'raw') return raw(findings, [format]);
  if (format === 'qed') throw unsupported(format);
  return { format, detected: [format], virtualSize: match.virtualSize, size: findings.size };
}

/**
 * The only match, or none. Two are allowed together: a hybrid ISO carries a partition table for USB sticks, and a fixed
 * VHD is a raw disk, with its partition table, before a footer.
 */
function theOne(matches: Finding[], declared: string): Finding | undefined {
  if (matches.length < 2) return matches[0];
  const others = matches.filter((match) => match.format !== 'gpt');
  const [only] = others;
  const isHarmless = only?.format === 'iso' || (only?.format === 'vhd' && declared === 'vhd');
  if (others.length === 1 && isHarmless) return only;
  const names = matches.map((match) => match.format).join(', ');
  throw new ImageRefused('multiple_formats', `The content reads as several formats at once: ${names}.`);
}

function raw({ size }: Findings, detected: Array<DetectedFormat | 'raw'>): Inspection {
  return { format: 'raw', detected, virtualSize: size, size };
}

export function mismatch(declared: string, found?: string): ImageRefused {
  const content = found === undefined ? 'is not' : `is ${found}, not`;
  return new ImageRefused('format_mismatch', `The content ${content} ${declared}, which the image is declared as.`);
}

export function unsupported(declared: string): ImageRefused {
  return new ImageRefused('unsupported_format', `Images of the format ${JSON.stringify(declared)} are not supported.`);
}
