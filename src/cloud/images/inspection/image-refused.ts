export type RefusalCode =
  /** The content is of another format than the image says. */
  | 'format_mismatch'
  /** The content reads as several formats at once, so that two programs could take it for different things. */
  | 'multiple_formats'
  /** The format is right, but the file names other files, or holds what a hypervisor must not be given. */
  | 'unsafe'
  /** A format that this cloud does not take for the purpose at hand. */
  | 'unsupported_format'
  /** The file ends before what its header announces. */
  | 'truncated'
  /** The disk that the image describes is larger than allowed. */
  | 'too_large';

/** An image's content was refused. The message is one sentence for the image's owner and holds nothing of the host. */
export class ImageRefused extends Error {
  readonly code: RefusalCode;
  constructor(code: RefusalCode, message: string) {
    super(message);
    this.name = 'ImageRefused';
    this.code = code;
  }
}
