import type { Pair } from './title-nouns.ts';

/** Titles that say more than a verb and its object, in Japanese and in Chinese. */
export const sentences: Record<string, Pair> = {
  'Put a server into an affinity group': ['サーバーをアフィニティグループに入れる', '将云主机加入亲和组'],
  'Take a server out of an affinity group': ['サーバーをアフィニティグループから外す', '将云主机移出亲和组'],
  'Set the console password of a server': ['サーバーのコンソールパスワードを設定', '设置云主机控制台密码'],
  'Get the console password of a server': ['サーバーのコンソールパスワードを取得', '获取云主机控制台密码'],
  'Delete the console password of a server': ['サーバーのコンソールパスワードを削除', '删除云主机控制台密码'],
  'Create snapshots of all volumes of a server': [
    'サーバーの全ボリュームのスナップショットを作成',
    '为云主机的全部云盘创建快照',
  ],
  'Revert a server to snapshots of all its volumes': [
    'サーバーを全ボリュームのスナップショットに戻す',
    '将云主机恢复到快照组',
  ],
  'Take a group of snapshots apart': ['スナップショットグループを解散', '解散快照组'],
  'Check whether servers can be reverted to groups of snapshots': [
    'スナップショットグループに戻せるかを確認',
    '检查快照组是否可恢复',
  ],
  'Change a group of snapshots': ['スナップショットグループを変更', '修改快照组'],
  'Delete a group of snapshots': ['スナップショットグループを削除', '删除快照组'],
  'Query groups of snapshots': ['スナップショットグループを照会', '查询快照组'],
  'Query groups of snapshots by uuid': ['UUID でスナップショットグループを照会', '按 UUID 查询快照组'],
  'Reserve addresses of an L3 network': ['L3 ネットワークのアドレスを予約', '预留三层网络的地址'],
  'Reserve addresses no more': ['アドレスの予約を解除', '取消预留地址'],
  'Query reserved addresses': ['予約済みアドレスを照会', '查询预留地址'],
  'Query addresses in use': ['使用中のアドレスを照会', '查询已用地址'],
  'Limit a volume': ['ボリュームの速度を制限', '限制云盘速度'],
  'Take limits off a volume': ['ボリュームの速度制限を解除', '取消云盘限速'],
  'Get the limits of a volume': ['ボリュームの速度制限を取得', '获取云盘限速'],
  'Limit an interface': ['インターフェースの帯域を制限', '限制网卡带宽'],
  'Take a limit off an interface': ['インターフェースの帯域制限を解除', '取消网卡限速'],
  'Get the limits of an interface': ['インターフェースの帯域制限を取得', '获取网卡限速'],
  'Authorize a request token': ['リクエストトークンを承認', '授权请求令牌'],
  'Put a tag on resources': ['リソースにタグを付ける', '为资源添加标签'],
  'List networks of a DHCP agent': ['DHCP エージェントのネットワークの一覧', '列出 DHCP 代理的网络'],
  'List DHCP agents of a network': ['ネットワークの DHCP エージェントの一覧', '列出网络的 DHCP 代理'],
  'List routers of an L3 agent': ['L3 エージェントのルーターの一覧', '列出 L3 代理的路由器'],
  'List L3 agents of a router': ['ルーターの L3 エージェントの一覧', '列出路由器的 L3 代理'],
  'Take a tag off resources': ['リソースからタグを外す', '从资源移除标签'],
  'Make a root volume larger': ['ルートボリュームを拡張', '扩容根云盘'],
  'Clean up the image cache of a primary storage': [
    'プライマリストレージのイメージキャッシュを整理',
    '清理主存储的镜像缓存',
  ],
  'Add a local primary storage': ['ローカルプライマリストレージを追加', '添加本地主存储'],
  'Attach a primary storage to a cluster': ['プライマリストレージをクラスターに接続', '将主存储挂载到集群'],
  'Detach a primary storage from a cluster': ['プライマリストレージをクラスターから切断', '从集群卸载主存储'],
  'Enable, disable or maintain a primary storage': [
    'プライマリストレージを有効化・無効化・メンテナンス',
    '启用、停用或维护主存储',
  ],
  'Get the ways to choose a primary storage': ['プライマリストレージの選択方法を取得', '获取主存储的分配策略'],
  'Get the capacity of a local storage by host': [
    'ローカルストレージの容量をホスト別に取得',
    '按主机获取本地存储的容量',
  ],
  'Add a Ceph backup storage': ['Ceph バックアップストレージを追加', '添加 Ceph 镜像服务器'],
  'Add an SFTP backup storage': ['SFTP バックアップストレージを追加', '添加 SFTP 镜像服务器'],
  'Attach a policy to a user group': ['ユーザーグループにポリシーを割り当て', '为用户组绑定策略'],
  'Detach a policy from a user group': ['ユーザーグループからポリシーを外す', '解绑用户组的策略'],
  'Create a user group': ['ユーザーグループを作成', '创建用户组'],
  'Change a user group': ['ユーザーグループを変更', '修改用户组'],
  'Delete a user group': ['ユーザーグループを削除', '删除用户组'],
  'Query user groups': ['ユーザーグループを照会', '查询用户组'],
  'Calculate the hash of an image': ['イメージのハッシュを計算', '计算镜像的哈希值'],
  'Clean up after a long job': ['長時間ジョブの後始末', '清理长任务'],
  'Get primary storage for a new server': [
    '新しいサーバーを置けるプライマリストレージを取得',
    '获取可创建云主机的主存储',
  ],
  'Get zones, clusters and hosts for a new server': [
    '新しいサーバーを置けるゾーン・クラスター・ホストを取得',
    '获取可创建云主机的区域、集群和主机',
  ],
  'Create or import key pair': ['キーペアを作成またはインポート', '创建或导入密钥对'],
  'Query trees of snapshots': ['スナップショットのツリーを照会', '查询快照树'],
  'Copy an image to another image store': ['イメージを別のイメージストアにコピー', '将镜像复制到另一镜像服务器'],
  'Give a policy to an endpoint': ['エンドポイントにポリシーを付与', '为端点授予策略'],
  'Check the policy of an endpoint': ['エンドポイントのポリシーを確認', '检查端点的策略'],
  'Take a policy from an endpoint': ['エンドポイントからポリシーを外す', '收回端点的策略'],
  'Give a policy to a service': ['サービスにポリシーを付与', '为服务授予策略'],
  'Check the policy of a service': ['サービスのポリシーを確認', '检查服务的策略'],
  'Take a policy from a service': ['サービスからポリシーを外す', '收回服务的策略'],
  'Give a policy to a service in a region': ['リージョン内のサービスにポリシーを付与', '为区域内的服务授予策略'],
  'Check the policy of a service in a region': ['リージョン内のサービスのポリシーを確認', '检查区域内服务的策略'],
  'Take a policy from a service in a region': ['リージョン内のサービスからポリシーを外す', '收回区域内服务的策略'],
  'Give a server a CD-ROM drive': ['サーバーに CD-ROM ドライブを追加', '为服务器添加光驱'],
  'CD-ROM drives': ['CD-ROM ドライブ', '光驱'],
  'CD-ROM drives by uuid': ['UUID で CD-ROM ドライブ', '按 UUID 查询光驱'],
  'Change a CD-ROM drive': ['CD-ROM ドライブを変更', '修改光驱'],
  'Take a CD-ROM drive from a server': ['サーバーから CD-ROM ドライブを外す', '从服务器移除光驱'],
  'Make a CD-ROM drive the default one': ['CD-ROM ドライブを既定にする', '将光驱设为默认'],
  'Put an ISO image into a server’s CD-ROM drive': [
    'サーバーの CD-ROM ドライブに ISO イメージを入れる',
    '将 ISO 镜像放入服务器光驱',
  ],
  'Take an ISO image out of a server’s CD-ROM drive': [
    'サーバーの CD-ROM ドライブから ISO イメージを出す',
    '从服务器光驱取出 ISO 镜像',
  ],
  'Set what a server boots from': ['サーバーの起動デバイスを設定', '设置服务器的启动设备'],
  'Get what a server boots from': ['サーバーの起動デバイスを取得', '获取服务器的启动设备'],
  'Get the ISO images for a server': ['サーバーに使える ISO イメージを取得', '获取服务器可用的 ISO 镜像'],
  'Get the ways in which hosts are chosen': ['ホストの選び方を取得', '获取选择主机的方式'],
  'Get what the licence allows': ['ライセンスの許可内容を取得', '获取许可证的授权内容'],
  'Get the additions of the licence': ['ライセンスの追加機能を取得', '获取许可证的附加项'],
  'Get images for networks, or networks for an image': [
    'ネットワークに使えるイメージ、またはその逆を取得',
    '获取网络可用的镜像，或镜像可用的网络',
  ],
  'Check whether a project has a tag': ['プロジェクトのタグの有無を確認', '检查项目是否有标签'],
  'Check whether a user is in a group': ['ユーザーがグループに属するかを確認', '检查用户是否在用户组中'],
  'List what a role implies': ['ロールが含意するロールの一覧', '列出角色所隐含的角色'],
  'Let a role imply another': ['ロールに別のロールを含意させる', '让角色隐含另一角色'],
  'Show that a role implies another': ['ロールの含意関係を表示', '查看角色的隐含关系'],
  'Check whether a role implies another': ['ロールの含意関係を確認', '检查角色的隐含关系'],
  'Let a role imply another no more': ['ロールの含意関係を解除', '取消角色的隐含关系'],
  'List the projects that see an endpoint group': [
    'エンドポイントグループが見えるプロジェクトの一覧',
    '列出可见端点组的项目',
  ],
  'Let a project see an endpoint group': ['プロジェクトにエンドポイントグループを見せる', '让项目可见端点组'],
  'Check whether a project sees an endpoint group': [
    'プロジェクトにエンドポイントグループが見えるかを確認',
    '检查项目是否可见端点组',
  ],
  'Let a project see an endpoint group no more': [
    'プロジェクトからエンドポイントグループを隠す',
    '不再让项目可见端点组',
  ],
  'Let a project see an endpoint': ['プロジェクトにエンドポイントを見せる', '让项目可见端点'],
  'Check whether a project was given an endpoint': [
    'プロジェクトにエンドポイントが見えるかを確認',
    '检查项目是否可见端点',
  ],
  'Let a project see an endpoint no more': ['プロジェクトからエンドポイントを隠す', '不再让项目可见端点'],
  'List the endpoints that a project was given': ['プロジェクトに見えるエンドポイントの一覧', '列出项目可见的端点'],
  'Startup a host': ['ホストを起動', '启动主机'],
  'Shutdown a host': ['ホストをシャットダウン', '关闭主机'],
  'Force a live migration to complete': ['ライブマイグレーションを強制完了', '强制完成热迁移'],
  'Show auto allocated topology': ['自動割り当てのトポロジーを表示', '查看自动分配的拓扑'],
  'Show one spec of a group type': ['グループタイプの仕様を 1 つ表示', '查看组类型的一项规格'],
  'Set one spec of a group type': ['グループタイプの仕様を 1 つ設定', '设置组类型的一项规格'],
  'Delete one spec of a group type': ['グループタイプの仕様を 1 つ削除', '删除组类型的一项规格'],
  'Say how volumes of a type have to be encrypted': ['ボリュームタイプの暗号化を設定', '设置云盘类型的加密方式'],
  'Show how volumes of a type have to be encrypted': ['ボリュームタイプの暗号化を表示', '查看云盘类型的加密方式'],
  'Show one part of how volumes of a type have to be encrypted': [
    'ボリュームタイプの暗号化の項目を表示',
    '查看云盘类型加密方式的一项',
  ],
  'Change how volumes of a type have to be encrypted': ['ボリュームタイプの暗号化を変更', '修改云盘类型的加密方式'],
  'Let volumes of a type be encrypted no more': ['ボリュームタイプの暗号化を解除', '取消云盘类型的加密'],
  'List the volume types that QoS specs hold for': [
    'QoS 仕様が適用されるボリュームタイプの一覧',
    '列出应用 QoS 规格的云盘类型',
  ],
  'Let QoS specs hold for a volume type': ['QoS 仕様をボリュームタイプに適用', '将 QoS 规格应用于云盘类型'],
  'Let QoS specs hold for a volume type no more': [
    'QoS 仕様のボリュームタイプへの適用を解除',
    '取消 QoS 规格对云盘类型的应用',
  ],
  'Let QoS specs hold for no volume type': ['QoS 仕様の適用をすべて解除', '取消 QoS 规格的全部应用'],
  'Show what the storage of a host can do': ['ホストのストレージの機能を表示', '查看主机存储的能力'],
  'Give a resource a configuration of its own': ['リソースに固有の設定を与える', '为资源设置专属配置'],
  'Give a resource configurations of its own': ['リソースに固有の設定をまとめて与える', '为资源批量设置专属配置'],
  'Take a configuration of its own from a resource': ['リソースの固有の設定を外す', '删除资源的专属配置'],
  'Get what holds for a resource': ['リソースで有効な設定を取得', '获取资源的有效配置'],
  'Get what holds for a resource, several at once': ['リソースで有効な設定をまとめて取得', '批量获取资源的有效配置'],
  'List what resources may have for themselves': ['リソース固有にできる設定の一覧', '列出可绑定到资源的配置'],
  'Query configurations of resources': ['リソースの設定を照会', '查询资源配置'],
  'Query configurations of resources by uuid': ['リソースの設定を UUID で照会', '按 UUID 查询资源配置'],
  'Get what a global configuration can be': ['グローバル設定の取り得る値を取得', '获取全局设置的可选值'],
  'Get details of an image’s upload': ['イメージのアップロードの詳細を取得', '获取镜像上传详情'],
  'Get the hosts that a server can be migrated to': ['サーバーの移行先ホストの候補を取得', '获取服务器可迁移的主机'],
  'Give a server the key of a key pair': ['サーバーにキーペアの鍵を設定', '为服务器添加密钥对'],
  'Take the key of a key pair from a server': ['サーバーからキーペアの鍵を外す', '从服务器移除密钥对'],
  'Get what can be done with a server': ['サーバーにできる操作を取得', '获取服务器可执行的操作'],
  'Get the data volumes that a server can be given': [
    'サーバーに接続できるデータボリュームを取得',
    '获取可挂载到服务器的数据云盘',
  ],
  'Get the servers that can be given a data volume': [
    'データボリュームを接続できるサーバーを取得',
    '获取可挂载数据云盘的服务器',
  ],
  'Get the L3 networks that a server can be given an interface in': [
    'サーバーを接続できる L3 ネットワークを取得',
    '获取服务器可接入的三层网络',
  ],
  'Request access to a console': ['コンソールへのアクセスを要求', '请求访问控制台'],
  'Take a name server from an L3 network': ['L3 ネットワークからネームサーバーを外す', '从三层网络移除 DNS 服务器'],
  'Take services from an L3 network': ['L3 ネットワークからサービスを外す', '从三层网络移除服务'],
  'Give a server an interface in an L3 network': ['サーバーを L3 ネットワークに接続', '将服务器接入三层网络'],
  'Give a server an interface that exists': ['サーバーに既存のインターフェイスを接続', '为服务器挂载已有网卡'],
  'Attach a port forwarding rule to an interface': [
    'ポート転送ルールをインターフェイスに適用',
    '将端口转发规则绑定到网卡',
  ],
  'Detach a port forwarding rule from its interface': [
    'ポート転送ルールをインターフェイスから外す',
    '从网卡解绑端口转发规则',
  ],
  'Get the interfaces that can be put into a security group': [
    'セキュリティグループに入れられるインターフェイスを取得',
    '获取可加入安全组的网卡',
  ],
  'Share resources no more': ['リソースの共有を解除', '取消共享资源'],
  'Begin an upload in parts': ['分割アップロードを開始', '开始分段上传'],
  'Show an upload in parts': ['分割アップロードを表示', '查看分段上传'],
  'Upload a part': ['一部分をアップロード', '上传一个分段'],
  'Cancel an upload in parts': ['分割アップロードを取り消す', '取消分段上传'],
  'Upload an image by a link': ['リンクでイメージをアップロード', '通过链接上传镜像'],
};

const holders: Record<string, Pair> = {
  'a user': ['ユーザー', '用户'],
  'a group': ['グループ', '用户组'],
};

const places: Record<string, Pair> = {
  'the system': ['システム', '系统'],
  'a project': ['プロジェクト', '项目'],
  'a domain': ['ドメイン', '域'],
  'the projects below a project': ['下位プロジェクト', '下级项目'],
  'the projects below a domain': ['ドメイン内の全プロジェクト', '域内所有项目'],
  'List the projects that were given an endpoint': [
    'エンドポイントを付与されたプロジェクトの一覧',
    '列出被授予端点的项目',
  ],
  'Configure a domain': ['ドメインを設定', '配置域'],
  'Show the configuration of a domain': ['ドメインの設定を表示', '查看域的配置'],
  'Update the configuration of a domain': ['ドメインの設定を更新', '更新域的配置'],
  'Delete the configuration of a domain': ['ドメインの設定を削除', '删除域的配置'],
  'Show the configuration that holds by default': ['既定の設定を表示', '查看默认配置'],
  'Show a group of the configuration of a domain': ['ドメインの設定グループを表示', '查看域的配置组'],
  'Update a group of the configuration of a domain': ['ドメインの設定グループを更新', '更新域的配置组'],
  'Delete a group of the configuration of a domain': ['ドメインの設定グループを削除', '删除域的配置组'],
  'Show a group of the configuration that holds by default': ['既定の設定グループを表示', '查看默认配置组'],
  'Show an option of the configuration of a domain': ['ドメインの設定項目を表示', '查看域的配置项'],
  'Update an option of the configuration of a domain': ['ドメインの設定項目を更新', '更新域的配置项'],
  'Delete an option of the configuration of a domain': ['ドメインの設定項目を削除', '删除域的配置项'],
  'Show an option of the configuration that holds by default': ['既定の設定項目を表示', '查看默认配置项'],
  "Inject a server's network information": ['サーバーにネットワーク情報を注入', '注入服务器的网络信息'],
};

/** Roles are given, taken and asked for in many combinations, all of them said alike. */
export function roleSentence(title: string): Pair | undefined {
  const said =
    /^(Give) (a \w+) a role on (.+)$/.exec(title) ??
    /^(Check) whether (a \w+) has a role on (.+)$/.exec(title) ??
    /^(Take) a role on (.+) from (a \w+)$/.exec(title);
  if (!said) return undefined;
  const [, verb, first, second] = said;
  const who = holders[verb === 'Take' ? second! : first!];
  const where = places[verb === 'Take' ? first! : second!];
  if (!who || !where) return undefined;
  if (verb === 'Give') return [`${who[0]}に${where[0]}のロールを付与`, `为${who[1]}授予${where[1]}角色`];
  if (verb === 'Take') return [`${who[0]}から${where[0]}のロールを剥奪`, `收回${who[1]}的${where[1]}角色`];
  return [`${who[0]}の${where[0]}でのロールの有無を確認`, `检查${who[1]}是否有${where[1]}角色`];
}
