import type { Pair } from './title-nouns.ts';

/** Titles of ZStack's own operations, in Japanese and in Chinese. */
export const zstackSentences: Record<string, Pair> = {
  'Create a server from a volume': ['ボリュームからサーバーを作成', '从云盘创建云主机'],
  'Create a server from a snapshot': ['スナップショットからサーバーを作成', '从快照创建云主机'],
  'Create a server from snapshots of all volumes of a server': [
    '全ボリュームのスナップショットからサーバーを作成',
    '从快照组创建云主机',
  ],
  'Get the capabilities of a volume': ['ボリュームの機能を取得', '获取云盘能力'],
};
