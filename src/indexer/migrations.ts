/**
 * The steps by which Codex's state database (`state_5.sqlite`) grew, as data: state-and-compression §1.8 and §1.10.
 *
 * A step has the number, description and checksums that Codex records in `_sqlx_migrations`, and statements of our own
 * which, applied in order to an empty file, give the schema that Codex has after the same step. Codex's steps also
 * rewrite rows that are already there (7, 25, 32, 33, 39, 46 and 57 do); the tool only ever builds an empty file and
 * fills it afterwards, so these statements create, change and drop objects, and seed, and nothing else. `schema.ts`
 * is what the rest of the tool asks.
 *
 * Types are written in capitals because SQLite hands a column's type back as it was spelled.
 */

export interface Migration {
  readonly version: number;
  /** As recorded: the name of Codex's file after the number, underscores as spaces. */
  readonly description: string;
  /** SHA-384 in hex as Linux and macOS builds record it (text with LF line ends). */
  readonly lf: string;
  /** The same for Windows builds, compiled from text with CRLF line ends (§1.7). */
  readonly crlf: string;
  readonly sql: string;
}

/** Every known step of the state database, in order, without gaps from 1. */
export const MIGRATIONS: readonly Migration[] = [
  {
    version: 1,
    description: "threads",
    lf: "627ef19164c9bb298a0cd99945981c9b7bda3d9e6cf12eb35145e3b1d3bf7cf8740f0dbaa0b475185fc2993397078049",
    crlf: "54bbd6f47905a4e4c674034575963d82da7b534e66e9a37a81ec2afb6a4b56ce6de9b3ecf3032796a800f650239847d4",
    sql: `
      create table threads (
        id TEXT primary key, rollout_path TEXT not null, created_at INTEGER not null, updated_at INTEGER not null,
        source TEXT not null, model_provider TEXT not null, cwd TEXT not null, title TEXT not null,
        sandbox_policy TEXT not null, approval_mode TEXT not null, tokens_used INTEGER not null default 0,
        has_user_event INTEGER not null default 0, archived INTEGER not null default 0, archived_at INTEGER,
        git_sha TEXT, git_branch TEXT, git_origin_url TEXT
      );
      create index idx_threads_created_at on threads (created_at desc, id desc);
      create index idx_threads_updated_at on threads (updated_at desc, id desc);
      create index idx_threads_archived on threads (archived);
      create index idx_threads_source on threads (source);
      create index idx_threads_provider on threads (model_provider);`,
  },
  {
    version: 2,
    description: "logs",
    lf: "521b72cbc04c7d03b1e4aef8dc0fdee672f1f7f5881385a55a0e937e4ebe87a3f67bca4d3f6b59afbc9a7ca723c82856",
    crlf: "4f866d7ecd0e71d3bf2a0e9cf183761bb556df69e244dbc9fa2ecc1bfd7278f340aab8c1d31036bc39aaca03f73867de",
    sql: `
      create table logs (
        id INTEGER primary key autoincrement, ts INTEGER not null, ts_nanos INTEGER not null, level TEXT not null,
        target TEXT not null, message TEXT, module_path TEXT, file TEXT, line INTEGER
      );
      create index idx_logs_ts on logs (ts desc, ts_nanos desc, id desc);`,
  },
  {
    version: 3,
    description: "logs thread id",
    lf: "e58a2862bdb66d3274e60144a26dc9d68bbefff834cd29b82b740f38fcf95862934f412665d985715167839e8f0eb377",
    crlf: "5ba8ce5778eb03a8932f9609956e352f2738820e16f5cc7cca55418cf8782fb566d27fb7afd9fe9fa701f752a1776b52",
    sql: `
      alter table logs add column thread_id TEXT;
      create index idx_logs_thread_id on logs (thread_id);`,
  },
  {
    version: 4,
    description: "thread dynamic tools",
    lf: "8adc251366e4c7e5ea78b620ac71f4c4bdfb8f048bf9f2fd7204226cfba54c8e83fc9d83fc1ec334bc683bb7f6d0d8a8",
    crlf: "ec5413b05d68aeff6d0f354ed8c3855b7bab3abf4ea351a44d34099947e852533af752cab919aaafa3a3a04e46060268",
    sql: `
      create table thread_dynamic_tools (
        thread_id TEXT not null references threads (id) on delete cascade, position INTEGER not null,
        name TEXT not null, description TEXT not null, input_schema TEXT not null,
        primary key (thread_id, position)
      );
      create index idx_thread_dynamic_tools_thread on thread_dynamic_tools (thread_id);`,
  },
  {
    version: 5,
    description: "threads cli version",
    lf: "1ac64f85e083e5b49b974bf498fc39c630f0032057fb4bf4cb31708619fac5a80189f261cf3e38dafd92dc406e73c220",
    crlf: "5b9674726067e633a00ad2d22475b355c351d5ce62c617af736eea0a2781acf1b09c9561b62c0bb1a10c7cf86434df33",
    sql: "alter table threads add column cli_version TEXT not null default '';",
  },
  {
    version: 6,
    description: "memories",
    lf: "a203fc4b597e1420bffdc4e00e214798b21cf7fc921d8bd6f089c75248fb6a4b4942c97a1f8e0271eca8cf3b3e5e7a80",
    crlf: "dc507991fac6554a31eed165090d1902f86990bc6bccb2751e79e0286d3019640071a470c90a781808beae53ec2a06e2",
    sql: `
      create table stage1_outputs (
        thread_id TEXT primary key references threads (id) on delete cascade, source_updated_at INTEGER not null,
        raw_memory TEXT not null, rollout_summary TEXT not null, generated_at INTEGER not null
      );
      create index idx_stage1_outputs_source_updated_at on stage1_outputs (source_updated_at desc, thread_id desc);
      create table jobs (
        kind TEXT not null, job_key TEXT not null, status TEXT not null, worker_id TEXT, ownership_token TEXT,
        started_at INTEGER, finished_at INTEGER, lease_until INTEGER, retry_at INTEGER,
        retry_remaining INTEGER not null, last_error TEXT, input_watermark INTEGER, last_success_watermark INTEGER,
        primary key (kind, job_key)
      );
      create index idx_jobs_kind_status_retry_lease on jobs (kind, status, retry_at, lease_until);`,
  },
  {
    version: 7,
    description: "threads first user message",
    lf: "7e35a464df6d4c82694de50865ba3fe9104f9e1385a33be7d633ab4b8d6cf60b7f369fe083d31251fd77b75fa2d61f82",
    crlf: "d8bfee50161e8bf71bad452b2e369e293b8456a89bd480502b42c70f38ff1a561832b5fc50716f2412d5859fc440f4ea",
    sql: "alter table threads add column first_user_message TEXT not null default '';",
  },
  {
    version: 8,
    description: "backfill state",
    lf: "aa3f287f7a448554e7af01f259f0871ce90ace1a7d4b8ebbd74c87ae57c3e21119f7eec8b9c2e9f4a9e76e63a0f0b60a",
    crlf: "e48b6cfdfe480a9b0aceea619e1a14df03aa3852d5572c443cb7f14e5893cdfaa9249074c95201bd49e9495179982ec6",
    sql: `
      create table backfill_state (
        id INTEGER primary key check (id = 1), status TEXT not null, last_watermark TEXT,
        last_success_at INTEGER, updated_at INTEGER not null
      );
      insert into backfill_state (id, status, updated_at) values (1, 'pending', unixepoch());`,
  },
  {
    version: 9,
    description: "stage1 outputs rollout slug",
    lf: "8b469360777e6dd6c21d3f0eb93481251846b0a50e0a44eb0dbee4a0a32b7206768a5d83a5fcec30c6fd2e43d755ff1b",
    crlf: "4acf556b21f49dfc54b49932bc0907d8c9db51da3d8ea2ba96847b8a7c0a3674508f46078961b2bbf3062ea2d1662de4",
    sql: "alter table stage1_outputs add column rollout_slug TEXT;",
  },
  {
    version: 10,
    description: "logs process id",
    lf: "8adaf1365f8e5deeba68bdeee9fd83b094a87bdab364d95ab5c714f7b8bd95dc3b38576871470312154c9d41e8f10f93",
    crlf: "a132200cf74910db91b4447880fd500871d75f0b7732ad6c9a44cbb16454d25134b3a3aa8586744cb22830ae642d7537",
    sql: `
      alter table logs add column process_uuid TEXT;
      create index idx_logs_process_uuid on logs (process_uuid);`,
  },
  {
    version: 11,
    description: "logs partition prune indexes",
    lf: "31ececbd07f04452d0dc5127d824ed183056b9900a31aa739387a4aef232016d975110829814841fb6bf3fd23634b799",
    crlf: "4e3237fbad8d643ad17b6b595d450d3750c1b5cbee457cdbb9bf101349379fdd5d448dbc5667e8623ecefe5e5f09134d",
    sql: `
      create index idx_logs_thread_id_ts on logs (thread_id, ts desc, ts_nanos desc, id desc);
      create index idx_logs_process_uuid_threadless_ts on logs (process_uuid, ts desc, ts_nanos desc, id desc)
        where thread_id is null;`,
  },
  {
    version: 12,
    description: "logs estimated bytes",
    lf: "0012a213ed25f2cf806c2530c487ebb00b4f102f5960d1a852154a0f77d25c9e9f7df29550faeb30ebaff15a26c7d604",
    crlf: "39cc998ae8b835a773ad96e374c9909cee36ec3f21f578dcd0a95c367a15591877dc2c2f9261c32061974aa708f22d01",
    sql: "alter table logs add column estimated_bytes INTEGER not null default 0;",
  },
  {
    version: 13,
    description: "threads agent nickname",
    lf: "05526a0900a8430523a9a05932ea61302fce20782b245498565c1b9a2dfd10cf5c49932089b496ae23af44f6c5f76af4",
    crlf: "86910312e7931de468d5bc97f404ef3bfdbedb5d3c01a8fde0105d0e2c3c2b109d6859a007e3b485ae9257086768e459",
    sql: `
      alter table threads add column agent_nickname TEXT;
      alter table threads add column agent_role TEXT;`,
  },
  {
    version: 14,
    description: "agent jobs",
    lf: "4d2fbb2442c5c5c7c47b4254b5b8dc2c52129f65c4a952a79f1ec5c40fb07483326429ce5acdbd372bc9262352cb6277",
    crlf: "12275bdf6bd1685525dbb54c37ddf62608d10f9f66110d7bb0de55ee25a8b283e46d97cb8eabed7564f9752e3967ba8a",
    sql: `
      create table agent_jobs (
        id TEXT primary key, name TEXT not null, status TEXT not null, instruction TEXT not null,
        output_schema_json TEXT, input_headers_json TEXT not null, input_csv_path TEXT not null,
        output_csv_path TEXT not null, auto_export INTEGER not null default 1, created_at INTEGER not null,
        updated_at INTEGER not null, started_at INTEGER, completed_at INTEGER, last_error TEXT
      );
      create table agent_job_items (
        job_id TEXT not null references agent_jobs (id) on delete cascade, item_id TEXT not null,
        row_index INTEGER not null, source_id TEXT, row_json TEXT not null, status TEXT not null,
        assigned_thread_id TEXT, attempt_count INTEGER not null default 0, result_json TEXT, last_error TEXT,
        created_at INTEGER not null, updated_at INTEGER not null, completed_at INTEGER, reported_at INTEGER,
        primary key (job_id, item_id)
      );
      create index idx_agent_jobs_status on agent_jobs (status, updated_at desc);
      create index idx_agent_job_items_status on agent_job_items (job_id, status, row_index);`,
  },
  {
    version: 15,
    description: "agent jobs max runtime seconds",
    lf: "0eece6db59c948faa6608526af440a9f53f5a982d27f3e866cd9f1401c2e59bc61f8381b5a1c9744acb232f50db493e5",
    crlf: "8104857bcb63e9665c77ddcb8186be1bb630d9472fe215a0fadd62566fe33abda9cb223602506f2187f2bdd09d01105e",
    sql: "alter table agent_jobs add column max_runtime_seconds INTEGER;",
  },
  {
    version: 16,
    description: "memory usage",
    lf: "4768f743e981293735c6e07b0282ec8ace98af720059d68555b17979d28c94b0c893a97a950d5e32758bc6d92d8fe6ff",
    crlf: "a6aa6c86b2594802d6c3075543c358b5c36b789786a715252d5723d2135993f1cbdbbc6965b06559395a487f60b44a47",
    sql: `
      alter table stage1_outputs add column usage_count INTEGER;
      alter table stage1_outputs add column last_usage INTEGER;`,
  },
  {
    version: 17,
    description: "phase2 selection flag",
    lf: "4cbdb2edfebf6040858ffc193cffa36e6b3fbf508f8418ad073081bbfcf59d53d423b6eb4c0ded206ab4d4c1a0efed94",
    crlf: "6fe02a550e205a8d1fb600d1cda2c889766d9d614737a631ef7444c6824f3d4552f5abed532e5b740eede3c92e058ea0",
    sql: "alter table stage1_outputs add column selected_for_phase2 INTEGER not null default 0;",
  },
  {
    version: 18,
    description: "phase2 selection snapshot",
    lf: "a4363003bc44f0a4ae1eed53b536b7175f97863ea6881a059dc6642e70e2921576204697cec2345f560e65ff7fbf4455",
    crlf: "52c982fa4da6e05c65ee7a501d3aff95c09cdd16317d05284d1ab424a5a5950ceef073461c9627387c7b59576a2a71a4",
    sql: `
      alter table stage1_outputs add column selected_for_phase2_source_updated_at INTEGER;
      alter table threads add column memory_mode TEXT not null default 'enabled';`,
  },
  {
    version: 19,
    description: "thread dynamic tools defer loading",
    lf: "3884c02f080f0184e92b620f870dfbb840a8ec5dfce2fe6455dd8197fcd27d7dd86e63ad6ec7c4091a1161d9ed199f8d",
    crlf: "570f9e6b85368a4aaf6d930ff7360efbead869ade569d6cade5578eb93a41c265da0f76e81ce88aa5fa0374b61570f1d",
    sql: "alter table thread_dynamic_tools add column defer_loading INTEGER not null default 0;",
  },
  {
    version: 20,
    description: "threads model reasoning effort",
    lf: "07673f4859f740134569ab9606760d8173ed6df92da47c86fbd0ceeb333e18ab7ac91d525ab8c11503c42164fd4167ae",
    crlf: "f3ae77b21667b4bdcb61d65d53ed053fd3838edd4df2856568ffbc74ccc84b153f6bba30ce01bf92e8479eeac74cbb3a",
    sql: `
      alter table threads add column model TEXT;
      alter table threads add column reasoning_effort TEXT;`,
  },
  {
    version: 21,
    description: "thread spawn edges",
    lf: "ea1aebe4f5a1d56c8effcc15f705c272275dd8adfeb01bc97d3f7b283474a3b8c2b0c8c69de55786e8bda17cae6f4de7",
    crlf: "983c1fca08da60b83cdbd39cbb19d3f988abafed3fa79e5025b14bcca89f9ab69cd9798fcdb2a2ce8fd83c0c3cbd4af2",
    sql: `
      create table thread_spawn_edges (
        parent_thread_id TEXT not null, child_thread_id TEXT not null primary key, status TEXT not null
      );
      create index idx_thread_spawn_edges_parent_status on thread_spawn_edges (parent_thread_id, status);`,
  },
  {
    version: 22,
    description: "threads agent path",
    lf: "160fe01b757dd06f9573b9030952d021f2b148732bea5fc5f5ae09e9227f3f83ca676695edaf8502669fcb546119dc94",
    crlf: "49dd725de92864e377c4829a80683f1a4f17c29d1fd94b585da1a5cda7df791c36451b1ae658b0842ae0a52017bddf6a",
    sql: "alter table threads add column agent_path TEXT;",
  },
  {
    version: 23,
    description: "drop logs",
    lf: "e6c748a9a18286e4c773ffe0dad659f16fb7e5b7b032235815991c405f2d32c068f3edde920d0fcf589b687bffcfee2e",
    crlf: "e84e5ddfa298882814f2528dc83691798cd855270781a3abffaf03089915702c9a41fdc3b58d382d53cbd56c0fb5d2da",
    sql: "drop table logs;",
  },
  {
    version: 24,
    description: "remote control enrollments",
    lf: "e92aa526b1f36e26f6221c04a671f07b27de2e7a5112d93a8c3af816a87846e7804d5fbad689e61cf4ec91fd79d3bd8a",
    crlf: "26f2a3548bfefa919337017cf0d2db76803100f50ba088d6cbf18ce268fa7c25f2a8cc965064b26df262085265f41114",
    sql: `
      create table remote_control_enrollments (
        websocket_url TEXT not null, account_id TEXT not null, app_server_client_name TEXT not null,
        server_id TEXT not null, environment_id TEXT not null, server_name TEXT not null, updated_at INTEGER not null,
        primary key (websocket_url, account_id, app_server_client_name)
      );`,
  },
  {
    version: 25,
    description: "thread timestamps millis",
    lf: "d6fb51d79941b93c3278fe2a8a0c6fa882407b7b716e32d72329f0b7b60c181a42f49e56cd552315efb0402a111ede12",
    crlf: "c9b9138a1592b3b7e181b4d6c5f71a19ea6b3149de367c1fe58f6ce7c30b9283fbd03a617c48b8e10e2f801d1156f188",
    sql: `
      alter table threads add column created_at_ms INTEGER;
      alter table threads add column updated_at_ms INTEGER;
      create trigger threads_created_at_ms_after_insert after insert on threads when new.created_at_ms is null begin
        update threads set created_at_ms = new.created_at * 1000 where id = new.id;
      end;
      create trigger threads_updated_at_ms_after_insert after insert on threads when new.updated_at_ms is null begin
        update threads set updated_at_ms = new.updated_at * 1000 where id = new.id;
      end;
      create trigger threads_created_at_ms_after_update after update of created_at on threads
      when new.created_at is not old.created_at and new.created_at_ms is old.created_at_ms begin
        update threads set created_at_ms = new.created_at * 1000 where id = new.id;
      end;
      create trigger threads_updated_at_ms_after_update after update of updated_at on threads
      when new.updated_at is not old.updated_at and new.updated_at_ms is old.updated_at_ms begin
        update threads set updated_at_ms = new.updated_at * 1000 where id = new.id;
      end;
      create index idx_threads_created_at_ms on threads (created_at_ms desc, id desc);
      create index idx_threads_updated_at_ms on threads (updated_at_ms desc, id desc);`,
  },
  {
    version: 26,
    description: "thread dynamic tools namespace",
    lf: "6c62a325d3b9ca8e424eacb9e3890d8d9de57c3725e2d1fa30c3743ae779fca2969387174359dfb26e4920791ae7e831",
    crlf: "83cd22369f0b5146dd0e466bf8d9730be8dbc60f5f865d1efdd8971d5ec1062e022c403da42db5e76108a5115c5744ea",
    sql: "alter table thread_dynamic_tools add column namespace TEXT;",
  },
  {
    version: 27,
    description: "threads cwd sort indexes",
    lf: "d84dca6a039e004c0c7d06c5a16c2ccc363137537f3dd9898f50bb013ce9067140761b87d58ca742d769d35976863fc3",
    crlf: "08d17426b921f3ffc88d0cfd554a6fc256fbca67040660436847f8e3e08b84caa847e12ee8557db9463ee55c3cf1ce85",
    sql: `
      create index idx_threads_archived_cwd_created_at_ms on threads (archived, cwd, created_at_ms desc, id desc);
      create index idx_threads_archived_cwd_updated_at_ms on threads (archived, cwd, updated_at_ms desc, id desc);`,
  },
  {
    version: 28,
    description: "device key bindings",
    lf: "ef44adaa291e40dfe6b74e3cd259711adae13f01c5594b177d08e2d2041a67ed3813feecf049662aaed0f636bd3f4ac3",
    crlf: "dc89cb6011729570c1069210e95398bc73b3f463124da5fe8f9119eb829cf468c1d36f1cf31dd0f96192fabb9d56a9b7",
    sql: `
      create table device_key_bindings (
        key_id TEXT not null primary key, account_user_id TEXT not null, client_id TEXT not null,
        created_at INTEGER not null, updated_at INTEGER not null
      );`,
  },
  {
    version: 29,
    description: "thread goals",
    lf: "e9ec76f97dbf41ce4949de324a2a26538c2025c0ac4f272b77a852970fb14b7ec970d6978a765f91ae171dce9c0e4149",
    crlf: "48d0745631d4ed868591a1da86c0ad71685b88cbd7d7dbe974eea011c53830a392ff67518659558dc2f4a4210928a3cc",
    sql: `
      create table thread_goals (
        thread_id TEXT not null primary key references threads (id) on delete cascade, goal_id TEXT not null,
        objective TEXT not null,
        status TEXT not null check (status in ('active', 'paused', 'budget_limited', 'complete')),
        token_budget INTEGER, tokens_used INTEGER not null default 0, time_used_seconds INTEGER not null default 0,
        created_at_ms INTEGER not null, updated_at_ms INTEGER not null
      );`,
  },
  {
    version: 30,
    description: "threads thread source",
    lf: "80c1cdacd4520b42b18b960164912685591a7ee041645f35609a2ee2792eb474b7b0b758366556982d8cde2acb583672",
    crlf: "884936a3bbbe9732088886db238a7bd69f43161fe36adb3b41bb4d517b64565b74ee437a2803235e3705f6598e6b23c3",
    sql: "alter table threads add column thread_source TEXT;",
  },
  {
    version: 31,
    description: "drop device key bindings",
    lf: "943675a9b3dc92d0b2731ae7d2fe324ff1a40b6366b9d5d8b4cb47ca885c08beb6ebb1d776a5a47c878b4094dde70ea0",
    crlf: "709a7c7171422075736fe02c65008343b28b90a5cf01a4d12335d510aeae3dd510d9d3614baef5f5ab86be991de230c5",
    sql: "drop table device_key_bindings;",
  },
  {
    version: 32,
    description: "threads preview",
    lf: "3c01d615c5e3aba0fd858b7168e73881598d7d33a0ecc41527bdf6595a199d1aec2ff9f3b3000a57241c500d81b34259",
    crlf: "a1d3a079eb183895924cc4b7a663e71d185b5e4b23f629d7b1b36f3e725ac777667e1123761fbae67598e070896ac093",
    sql: "alter table threads add column preview TEXT not null default '';",
  },
  {
    version: 33,
    description: "thread goal stopped statuses",
    lf: "4904aae354e3d8ce32ac21d2ae579fd708446ae1dfb2649fc9dd22dc9279b91a2bbb02e6f01b3e0abd1088177bf2f030",
    crlf: "059d9619558ba112bcd06197f17b52ec7fec9e55b37dd976e62465822286d7645fc3e49ac191abbcaf08fdb10cb361cb",
    sql: `
      drop table thread_goals;
      create table thread_goals (
        thread_id TEXT not null primary key references threads (id) on delete cascade, goal_id TEXT not null,
        objective TEXT not null,
        status TEXT not null check (status in ('active', 'paused', 'blocked', 'usage_limited', 'budget_limited', 'complete')),
        token_budget INTEGER, tokens_used INTEGER not null default 0, time_used_seconds INTEGER not null default 0,
        created_at_ms INTEGER not null, updated_at_ms INTEGER not null
      );`,
  },
  {
    version: 34,
    description: "drop thread goals",
    lf: "d6fea739c76ebdef35a23f06e54efb5904d7987fb6b663db1ebc98eb9b192305f454932bfbaa2231aedca6209903a5f3",
    crlf: "43d68f835032ecbe2c79e131726c6ad4bc7a3b0ecd2da149177a9b6bd9008dbd5e4f853d6a1386695744b53759d8cd2c",
    sql: "drop table thread_goals;",
  },
  {
    version: 35,
    description: "drop memory tables",
    lf: "d7b56acb07c96858bdc7ca4c53db51eb71c6a19ef2c524ff68c2660a6fe0d23211a6d39cb905f01c42ffb7c8ee913bbc",
    crlf: "511cf81620de449ed4143eebd3f5aa8bf3077ed61ed5e23ce2468cdc45ab69fc8606643b6d3af68dffded5f4bd46815e",
    sql: `
      drop table stage1_outputs;
      drop table jobs;`,
  },
  {
    version: 36,
    description: "threads visible sort indexes",
    lf: "6381f7bb4c36be41c6106b8523ea6c68f5a00273a5522155b7b84bad26d152436f3375df7097ce3abf2421aec32641ed",
    crlf: "53369c6f679ae28c0c562bd4ae68b9f0ef3639779a01c3804be3afeace56152d3978e1110b9efc2e3f376a59ce3538a9",
    sql: `
      create index idx_threads_visible_created_at_ms on threads (archived, created_at_ms desc) where preview <> '';
      create index idx_threads_visible_updated_at_ms on threads (archived, updated_at_ms desc) where preview <> '';`,
  },
  {
    version: 37,
    description: "remote control enrollments enabled",
    lf: "f6a5ab0db36bb9e45ab5285b56090fb453df0a4d4d8d62eace234f0b557f4203c6c455fc67bd7d6e72623c3979ec9405",
    crlf: "438c5ae9ce503c483c72f87b64a9001d683d143976085173652f96ba5810a6b2f2f6bda5892800e3243479dac8a27b6d",
    sql: "alter table remote_control_enrollments add column remote_control_enabled INTEGER;",
  },
  {
    version: 38,
    description: "external agent config imports",
    lf: "e7778522cbe529f5e2ba179b502aee8e5c21272ad820e672ab0a565f7edc9bd0f29171ccf9815c0acc0f89eae0a2b1fc",
    crlf: "c6e28f890545146f3749e29dd9eb5e87b6dfbf754f70b67c6f2d653c2d6d8c950baaf9c0500bd90f48c9e95f5585239b",
    sql: `
      create table external_agent_config_imports (
        import_id TEXT primary key, completed_at_ms INTEGER not null, successes TEXT not null, failures TEXT not null
      );`,
  },
  {
    version: 39,
    description: "threads recency at",
    lf: "c217b3d14c08c23603f485af11452ee2b68f65fa8dbaf215f33f53b608c092be8738de3f63d6a38f120edea5af247c17",
    crlf: "1147d36849ddd43bb2fb7335ccb917c86c4299d491582be541545319a04b7d4870a1844c9405948f4e4b90eb3ac202c9",
    sql: `
      alter table threads add column recency_at INTEGER not null default 0;
      alter table threads add column recency_at_ms INTEGER not null default 0;
      create trigger threads_recency_at_after_insert after insert on threads when new.recency_at_ms = 0 begin
        update threads
        set recency_at = new.updated_at, recency_at_ms = coalesce(new.updated_at_ms, new.updated_at * 1000)
        where id = new.id;
      end;
      create index idx_threads_recency_at_ms on threads (recency_at_ms desc, id desc);
      create index idx_threads_archived_cwd_recency_at_ms on threads (archived, cwd, recency_at_ms desc, id desc);
      create index idx_threads_visible_recency_at_ms on threads (archived, recency_at_ms desc, id desc)
        where preview <> '';`,
  },
  {
    version: 40,
    description: "threads history mode",
    lf: "a7a99674f90a43184e43d66595c4f1da50ae8715a5bfcb1579a2b7b10668335d7f7ab6b6f2d7a7a379272773d803a914",
    crlf: "242209d2a240e8601ef6ab7ad70e8d88f272eec828d1c72f1716c801ee16759ecd1d29ba79099cfedfb484e5994ee240",
    sql: "alter table threads add column history_mode TEXT not null default 'legacy';",
  },
  {
    version: 41,
    description: "threads name",
    lf: "0dc734dbe4cbcc5ad5a8bbc2fdc1cf770ddea3cb53eb36c55a4da6fa2e8be4cc8e68672f43ac953e727e415e45c50a78",
    crlf: "14fb95715f7e597e410f96a90db3875b5dbb0d0e124b8e4587c5dd46145f58b218a85a8b9cc42a40c96b0f0e15ac441c",
    sql: "alter table threads add column name TEXT;",
  },
  {
    version: 42,
    description: "drop agent jobs",
    lf: "cfdc4fd47328d1b67c0c7555125de4fb4add5b3b57fd31ac1987e4d8b0c99b1f5418db9ee7ec2158aed8a2e3dfcfd636",
    crlf: "815a1f0cbe21ac7f0653fb67c8e9702fd0ebb5f0a54ce644893b66d18614d9c8988510458b68fbd671b8632ef363b36a",
    sql: `
      drop table agent_job_items;
      drop table agent_jobs;`,
  },
  {
    version: 43,
    description: "threads is pinned",
    lf: "605128e722bd2521c7e979e9961c16706435e442b3e3a8efa36f6b16c42e3833090906d9a62fde097a109b78e29da830",
    crlf: "9b2a199a557f5a92b0e27574e8bfc01dce5ef28f106a3c16dfb3b8a6cd5679f3b8bc26b63e09c461a9a0c1364f0b04bf",
    sql: `
      alter table threads add column is_pinned INTEGER not null default 0;
      create index idx_threads_pinned_recency_at_ms on threads (archived, recency_at_ms desc, id desc)
        where is_pinned = 1 and preview <> '';`,
  },
  {
    version: 44,
    description: "external agent config imports provider id",
    lf: "5d29223bd1cafe456a4af992a545e8ec420b71331eb12a7427e26512b8a44117d9445b83562f095b3a5a0f11c4f091d2",
    crlf: "dfa22384943e691a089b9e8a6a8da988ef1e25ff51db7975ca42c3ec4be474370f262caa77aeb5877eeeabbff2c3ceb1",
    sql: "alter table external_agent_config_imports add column provider_id TEXT;",
  },
  {
    version: 45,
    description: "threads section",
    lf: "a7fadc8caea8b6abeb108f588a91b8e5d1c9e2645ce990f2251b9f0234e6e53d78fc854f1c88c7217cc143016539d691",
    crlf: "d99495ac371f2f50dacaf4880abb8317d7d51866d68649b39f73e1307fa119250643cc8e899b8c19a70bee99acd9ba59",
    sql: `
      create table thread_sections (id TEXT primary key, name TEXT not null);
      insert into thread_sections (id, name) values ('01984de2-8f74-7c91-a3b2-5c5e937cf318', 'Pinned');
      alter table threads add column thread_section_id TEXT references thread_sections (id) on delete set null;
      create index idx_threads_section_recency_at_ms
        on threads (archived, thread_section_id, recency_at_ms desc, id desc)
        where thread_section_id is not null and preview <> '';`,
  },
  {
    version: 46,
    description: "threads section order",
    lf: "63addf6115c3fb1a22a886108ce6ebff5cd8408f219606dc2f8396836418e56d5be2a6de7b0df877119a28096ee67d22",
    crlf: "d41bfc128c10e85ffd2e4696723ebdf47360497e39812797d25d740593581dff10cb6af7d41826fbbea6e1663ac04780",
    sql: `
      alter table threads add column section_position INTEGER;
      alter table threads add column section_entered_at_ms INTEGER;
      create index idx_threads_section_position
        on threads (archived, thread_section_id, section_position asc, id asc)
        where thread_section_id is not null and preview <> '';`,
  },
  {
    version: 47,
    description: "rollout migration state",
    lf: "1ae117e4ab40813de2b6cfed521585a5396a8dcb7277923d539ed111f5e76424787131ef1de353be5dd78e8228f204cc",
    crlf: "0588f3862c25af8a6100af005805d125aa3be61931f4488c959eaea59d6cac906e69089253107aec9f2b35a3ebb8eed4",
    sql: `
      create table rollout_migration_state (
        migration_id TEXT primary key, last_checked_thread_created_at INTEGER, last_checked_thread_id TEXT,
        updated_at INTEGER not null
      );
      create table rollout_migration_skipped_rollouts (
        migration_id TEXT not null, rollout_path TEXT not null, rollout_size_bytes INTEGER not null,
        rollout_modified_at_ns INTEGER not null, skip_reason TEXT not null, skipped_at INTEGER not null,
        primary key (migration_id, rollout_path)
      );`,
  },
  {
    version: 48,
    description: "thread section appearance",
    lf: "9d298333f7523010502044685009ffe1ed18c3fed7f01fb200d62252f90ab0d897ccf05e478f90150b941ea6c0bd459c",
    crlf: "0882fc76871ef5e5d3613cbfd4f5a89166b12956837fb9d22ac91940a8fe63abee41eaa9a97fb578a7310b672a989d04",
    sql: "alter table thread_sections add column appearance TEXT;",
  },
  {
    version: 49,
    description: "projects",
    lf: "faf45c392bb8572062bbd52f9702966cf62e3d195a1633f54cfe1b7dcb5865a3f951dc75c975179dc9a0ee639f7426a7",
    crlf: "6027cdb383c85014e29c08176a785e0768dc5ea2c3e727e94e3f0a1628d423af958316cdc1bf77a7062a57eaf3ac0cb8",
    sql: `
      create table projects (
        id TEXT primary key, name TEXT not null, metadata TEXT not null default '{}', position INTEGER not null,
        created_at_ms INTEGER not null, updated_at_ms INTEGER not null
      );
      create table project_roots (
        project_id TEXT not null references projects (id) on delete cascade, position INTEGER not null,
        path TEXT not null, primary key (project_id, position)
      );
      create table project_idempotency_keys (
        key TEXT primary key, project_id TEXT not null, created_at_ms INTEGER not null
      );
      alter table threads add column project_id TEXT references projects (id) on delete set null;
      create index idx_projects_position on projects (position asc, id asc);
      create index idx_threads_project_id on threads (project_id, archived, created_at_ms desc, id desc)
        where project_id is not null;`,
  },
  {
    version: 50,
    description: "threads section empty preview indexes",
    lf: "d2802e96f5fc1900fc6d3d595f040ebca8d25310ae9d1499a12b91f1635617adf5d2b4a93d0807203a22f4a6d4edb77e",
    crlf: "130cad59f2cd5b326007719de48c6426e03a4073123995b2886278b627a1d1e50f3ba46b48d079fe795c9f96390e8eab",
    sql: `
      drop index idx_threads_section_recency_at_ms;
      drop index idx_threads_section_position;
      create index idx_threads_section_recency_at_ms
        on threads (archived, thread_section_id, recency_at_ms desc, id desc) where thread_section_id is not null;
      create index idx_threads_section_position
        on threads (archived, thread_section_id, section_position asc, id asc) where thread_section_id is not null;`,
  },
  {
    version: 51,
    description: "thread artifacts",
    lf: "23360a03a7fc307c3fd5bb8b432b66034dd8f8695cdba698b45278c20dd712c1af476b884e192237d80baa08a5f29505",
    crlf: "23cd26d16f40cc6b4e4f9f24b44334b5831a30e290d9df51a4c8d173bfee8a2f8966e604392777ec4bbe04de7d472205",
    sql: `
      create table thread_artifacts (
        id TEXT primary key, thread_id TEXT not null references threads (id) on delete cascade,
        artifact_type TEXT not null, identity_key TEXT not null, payload TEXT not null, created_at INTEGER not null,
        unique (thread_id, artifact_type, identity_key)
      );
      create index idx_thread_artifacts_thread_created_id on thread_artifacts (thread_id, created_at, id);`,
  },
  {
    version: 52,
    description: "projects recency",
    lf: "071e96313d402e4c3d156f620f3f62b4a468da00ce30a47574d2594623e5e954f3ec2f1e54f043a8e4b602643e868b7d",
    crlf: "6f4998df2c3de4e43153e99014bdf76b514418724a3b209ee894d4aa738f422f57341a848a58a0be4a66eb9ac6a4c0e8",
    sql: `
      create index idx_threads_project_recency on threads (project_id, recency_at_ms desc)
        where archived = 0 and project_id is not null;`,
  },
  {
    version: 53,
    description: "threads originator",
    lf: "e86ef7ccbcc891b1af27f6aedb26bfe36d79c9d405e48f302eb053cb57ff9b24dbeb0479b48b18e2076efb6bfc4a9287",
    crlf: "1a77af904abb9581e18b64753002a1c2a66c587b7c02a85039b885b32408176f298867677a371e230729999e9d631712",
    sql: "alter table threads add column originator TEXT;",
  },
  {
    version: 54,
    description: "threads daybreak enabled",
    lf: "e62a9977d99c7eabf36b67b183d86443d062b0aa8d018c42d1299821de4bf59182e16494ab874fd2d4081ef510e759f1",
    crlf: "ba91ec1ae9e505ec285e38a9b4c95e74a8f4dd42ceb08b66029b9afd6eb0064fd2d71b8fa03fe9d1c375599d22f1ac12",
    sql: "alter table threads add column daybreak_enabled BOOLEAN;",
  },
  {
    version: 55,
    description: "thread attachments",
    lf: "6daadc5527b3f57fa360c5d93199282ba54a42b7598558a9765bd6dcf11f555150fe678ed8163abb2e1861cb51d196c3",
    crlf: "2ec70c72dbe2c8adea84670bd9e8d127f4cec33fcd2e0852d5b8558c9d81d8da057b76eeee2f7cfc54ce4d0dd4b8fcea",
    sql: `
      alter table thread_artifacts rename to thread_attachments;
      alter table thread_attachments rename column artifact_type to attachment_type;
      drop index idx_thread_artifacts_thread_created_id;
      create index idx_thread_attachments_thread_created_id on thread_attachments (thread_id, created_at, id);`,
  },
  {
    version: 56,
    description: "threads creator identity",
    lf: "5de44fac5505249be66fcd640e9ac3d36550854c0db1272eb52cbb6c3d18b207db4cb782686d81089e77ebb57f6819b1",
    crlf: "4ef7100da8a52d8d536ebd4bd78a1ec41596c8d29987a5ea63652f7cf36dd998f9080e4fc47c4ef5741931608714b829",
    sql: `
      alter table threads add column creator_user_id TEXT;
      alter table threads add column creator_account_id TEXT;`,
  },
  {
    version: 57,
    description: "cleanup guardian thread metadata",
    lf: "729562c57bfa8b43d5ae3476c99cef6e81a54709a74283057ce8d2d6f55cf8eae2594fdb7cff4238ebe1e481e7c049e6",
    crlf: "f84885b4f2f6649213059bf8ddb23a9335f99f606cc69d95f501e2e7cddc0f8cb68672bbbd6ccd6f75430fb0ee167e96",
    sql: "",
  },
  {
    version: 58,
    description: "threads archive sort indexes",
    lf: "68467af3ce1ff09777c3f7167d522e11d88586fbb80a1588c631cf643a7d4985b221a6c8e8623997b37d44605b7e1091",
    crlf: "11ba7ef8c0291b94f6475660feb84dc8c10c513ee82665a1ac8a94f50670028250dda9a9ec7132f2c76bfa66af6f0f21",
    sql: `
      create index idx_threads_archive_created_at_ms on threads (archived, created_at_ms desc, id desc)
        where archived = 1;
      create index idx_threads_archive_updated_at_ms on threads (archived, updated_at_ms desc, id desc)
        where archived = 1;
      create index idx_threads_archive_recency_at_ms on threads (archived, recency_at_ms desc, id desc)
        where archived = 1;`,
  },
  {
    version: 59,
    description: "thread attachment reverse lookup",
    lf: "4297dffb4fb308f0c665e4d126b7d2a96db7be48eb2e13c7e1245a5d95c4df4e66d64e79ad00fec26b0910436703090c",
    crlf: "28ac43b18c07b3da9f930528629affb9f4008ad2d63e34c2d4561c660cde99733ab430f03f0563ab22890892c15b9711",
    sql: `
      create index idx_thread_attachments_identity_thread
        on thread_attachments (attachment_type, identity_key, thread_id);`,
  },
  {
    version: 60,
    description: "guardian review feedback",
    lf: "d7f0cf0a69fa71999affcd48cc74b2d0a2637b8bbda73bd5819547ccdb15543a75d239311fa07fcf699be9bcbc1874a8",
    crlf: "4aa9f1ce86ac6741d086fca017bbd7546ad7db1fdd7a56c88854566628b9b1db4f102c4c4366bf016b70bcc91bc09366",
    sql: `
      create table guardian_review_feedback (
        id TEXT not null primary key, thread_id TEXT not null references threads (id) on delete cascade,
        record BLOB not null
      );`,
  },
  {
    version: 61,
    description: "thread read state",
    lf: "4a8337048bb958a21fd5272c1bd670605c84d4063534270d3e41cdc5c5a2e865f0fe6ae3c336ded873877ee2ea10f2e0",
    crlf: "0e2e8a05acbe268720436c0874f226cd6cd8783482dc368dfe004ccdd2e241cae4b1963f483d1a60fe23f8f28bcc3267",
    sql: `
      create table thread_read_receipts (
        thread_id TEXT not null primary key, first_unread_turn TEXT, revision TEXT not null, last_published_turn TEXT
      );`,
  },
  {
    version: 62,
    description: "threads attached parent",
    lf: "dab8b7c8390f9c764d5d64733da39fa0b79ad4f67931fa15263c1129143c1717bc252930b1a5668ad119c50844950304",
    crlf: "875ffaacaf8d6f3e1ed49628b2b746bdd08cc1b4617c74900729caa4248ad4bd0a3ddc57f6a122cc50e241d7133d269c",
    sql: `
      alter table threads add column attached_thread_parent_id TEXT;
      create index idx_threads_attached_parent on threads (attached_thread_parent_id)
        where attached_thread_parent_id is not null;`,
  },
];
