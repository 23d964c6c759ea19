/** What is in a file for a guest: text, or bytes as base64. */
export type FileContent = string | { base64: string };

/** Files for a guest by their paths. */
export type FileContents = Record<string, FileContent>;

export function bytesOf(content: FileContent): Buffer {
  return typeof content === 'string' ? Buffer.from(content) : Buffer.from(content.base64, 'base64');
}
