import type { Pair } from './title-nouns.ts';

/** Titles of ZStack's own operations, in Japanese and in Chinese. */
export const zstackSentences: Record<string, Pair> = {
  'Create a server from a volume': ['ボリュームからサーバーを作成', '从云盘创建云主机'],
  'Create a server from a snapshot': ['スナップショットからサーバーを作成', '从快照创建云主机'],
  'Create a server from snapshots of all volumes of a server': [
    '全ボリュームのスナップショットからサーバーを作成',
    '从快照组创建云主机',
  ],
  'Take a screenshot of a server': ['サーバーの画面を撮る', '获取云主机控制台截图'],
  'Create a scheduled job': ['予約ジョブを作成', '创建定时任务'],
  'Change a scheduled job': ['予約ジョブを変更', '修改定时任务'],
  'Delete a scheduled job': ['予約ジョブを削除', '删除定时任务'],
  'Enable or disable a scheduled job': ['予約ジョブを有効化・無効化', '启用或停用定时任务'],
  'Query scheduled jobs': ['予約ジョブを照会', '查询定时任务'],
  'Query the history of scheduled jobs': ['予約ジョブの履歴を照会', '查询定时任务历史'],
  'Get scheduled jobs without a trigger': ['トリガーのない予約ジョブを取得', '获取未绑定定时器的定时任务'],
  'Add a scheduled job to a trigger': ['予約ジョブをトリガーに追加', '将定时任务添加到定时器'],
  'Remove a scheduled job from a trigger': ['予約ジョブをトリガーから外す', '从定时器移除定时任务'],
  'Create a trigger of scheduled jobs': ['予約ジョブのトリガーを作成', '创建定时器'],
  'Change a trigger of scheduled jobs': ['予約ジョブのトリガーを変更', '修改定时器'],
  'Delete a trigger of scheduled jobs': ['予約ジョブのトリガーを削除', '删除定时器'],
  'Query triggers of scheduled jobs': ['予約ジョブのトリガーを照会', '查询定时器'],
  'Get triggers that are not over': ['終わっていないトリガーを取得', '获取可用的定时器'],
  'Do the jobs of a trigger now': ['トリガーのジョブを今すぐ実行', '立即执行定时器的任务'],
  'Flatten a volume': ['ボリュームをフラット化', '扁平化云盘'],
  'Flatten the volumes of a server': ['サーバーのボリュームをフラット化', '扁平化云主机的云盘'],
  'Get the capabilities of a volume': ['ボリュームの機能を取得', '获取云盘能力'],
};
