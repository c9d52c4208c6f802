-- What the sandbox remembers. Times are unix seconds of the sandbox's clock, JSON is text.
create table if not exists setting (key text primary key, value text not null);

create table if not exists component (
  appid text primary key,
  name text not null,
  secret text not null,
  token text not null,
  aes_key text not null,
  events_url text not null default '',
  messages_url text not null default '',
  start_domain text not null default '',
  permission_sets text not null default '[]',
  ip_whitelist text not null default '[]',
  audit_limit integer not null default 500,
  speedup_limit integer not null default 8,
  pushing integer not null default 0,
  ticket_at real not null default 0,
  created_at real not null
);
create table if not exists ticket (
  value text primary key, component text not null, created_at real not null
);
create table if not exists token (
  value text primary key,
  component text not null,
  account text,
  created_at real not null,
  expires_at real not null,
  void integer not null default 0
);
create index if not exists token_owner on token (component, account, created_at);

create table if not exists pre_auth_code (
  value text primary key, component text not null, expires_at real not null, used_at real
);
create table if not exists visit (
  pre_auth_code text primary key,
  component text not null,
  redirect_uri text not null,
  auth_type integer not null,
  biz_appid text not null default '',
  sets text not null default '[]',
  state text not null default 'open',
  auth_code text,
  returned_at real
);
create table if not exists auth_code (
  value text primary key, component text not null, account text not null, expires_at real not null, used_at real
);

create table if not exists person (id integer primary key, name text not null unique, wechat_id text not null);
create table if not exists account (
  appid text primary key,
  user_name text not null unique,
  nick_name text not null,
  principal_name text not null,
  credential text not null,
  signature text not null,
  person integer not null references person (id),
  kind text not null default 'mini_program',
  register_type integer not null default 0,
  account_status integer not null default 1,
  verified integer not null default 1,
  categories text not null,
  missing_privacy text not null default '[]',
  options text not null default '{}',
  hue integer not null default 0
);
create index if not exists account_person on account (person);
create table if not exists authorization (
  component text not null,
  account text not null,
  sets text not null,
  refresh_token text not null,
  exchanged integer not null default 0,
  refresh_void integer not null default 0,
  authorized_at real not null,
  primary key (component, account)
);

create table if not exists draft (
  id integer primary key,
  component text not null,
  source_appid text not null,
  source_name text not null,
  user_version text not null,
  user_desc text not null,
  developer text not null,
  pages text not null,
  privacy text not null default '[]',
  created_at real not null,
  unique (component, source_appid)
);
create table if not exists template (
  id integer primary key,
  component text not null,
  draft integer not null,
  source_appid text not null,
  source_name text not null,
  user_version text not null,
  user_desc text not null,
  developer text not null,
  pages text not null,
  privacy text not null default '[]',
  created_at real not null
);
create table if not exists counter (name text primary key, last integer not null);

create table if not exists program (
  account text primary key,
  online integer,
  rolled_back integer not null default 0,
  gray text,
  open integer not null default 1,
  min_version text not null default '2.30.4'
);
create table if not exists trial (
  account text primary key,
  component text not null,
  template integer not null,
  ext_json text not null,
  user_version text not null,
  user_desc text not null,
  pages text not null,
  without_auth text not null,
  without_conf text not null,
  committed_at real not null,
  scanned_at real not null,
  busy_until real not null
);
create table if not exists audit (
  id integer primary key,
  account text not null,
  component text not null,
  user_version text not null,
  user_desc text not null,
  template integer not null,
  committed_at real not null,
  body text not null,
  status integer not null default 2,
  reason text not null default '',
  screenshots text not null default '',
  sped_up integer not null default 0,
  submitted_at real not null,
  decided_at real
);
create index if not exists audit_account on audit (account, id);
create index if not exists audit_open on audit (status, id);
create table if not exists online (
  id integer primary key,
  account text not null,
  app_version integer not null,
  audit integer not null,
  user_version text not null,
  user_desc text not null,
  committed_at real not null,
  released_at real not null
);
create index if not exists online_account on online (account, id);
create table if not exists spending (
  name text not null, owner text not null, at real not null
);
create index if not exists spending_owner on spending (owner, name, at);

create table if not exists media (
  id text primary key,
  account text not null,
  store text not null,
  kind text not null,
  content_type text not null,
  content blob not null,
  created_at real not null
);
create table if not exists domain_list (
  component text not null, name text not null, testing text not null, published text not null,
  primary key (component, name)
);
-- Domains of one mini program: way is third (from the component app's list), direct or prefetch.
create table if not exists domain (
  account text not null, way text not null, kind text not null, url text not null,
  primary key (account, way, kind, url)
);
create index if not exists domain_url on domain (url);
-- Hosts that are not as usual; all others are filed, serve the check files that were fetched, and have room.
create table if not exists host (
  name text primary key,
  filed integer not null,
  check_file integer not null,
  blacklisted integer not null,
  owners integer not null
);
create table if not exists check_file (account text not null, name text not null, primary key (account, name));
create table if not exists tester (account text not null, userstr text not null, primary key (account, userstr));
create table if not exists hidden_from_search (account text primary key);
create table if not exists custom_message (
  id integer primary key, account text not null, touser text not null, content text not null, at real not null
);

create table if not exists push (
  id integer primary key,
  seq integer not null,
  component text not null,
  account text,
  name text not null,
  xml text not null,
  state text not null default 'waiting',
  attempts integer not null default 0,
  due_at real not null,
  created_at real not null,
  forged integer not null default 0
);
create index if not exists push_due on push (state, due_at);
create table if not exists delivery (
  id integer primary key,
  push integer not null,
  at real not null,
  ms integer not null,
  status integer,
  answer text not null
);
create index if not exists delivery_push on delivery (push);
create table if not exists push_fault (
  id integer primary key, component text not null, kind text not null, event text not null, left integer not null
);

create table if not exists fault (
  id integer primary key,
  operation text not null,
  appid text not null,
  kind text not null,
  errcode integer not null default 0,
  errmsg text not null default '',
  seconds real not null default 0,
  left integer not null
);
create table if not exists tally (
  component text not null, account text not null, operation text not null, errcode integer not null, n integer not null,
  primary key (component, account, operation, errcode)
);
create table if not exists failed_call (
  rid text primary key,
  at real not null,
  ms integer not null,
  component text not null,
  account text not null,
  operation text not null,
  query text not null,
  body text not null,
  answer text not null,
  ip text not null
);
create table if not exists mistake (
  what text not null,
  operation text not null,
  component text not null,
  example text not null,
  n integer not null,
  last_at real not null,
  primary key (what, operation, component)
);
create table if not exists check_case (
  component text not null, id text not null, name text not null, passed integer not null, detail text not null,
  at real not null, primary key (component, id)
);

create table if not exists certification (
  taskid text primary key,
  component text not null,
  account text not null,
  auth_data text not null,
  task_status integer not null default 0,
  apply_status integer not null default 0,
  orderid integer not null default 0,
  refill_reason text not null default '',
  fail_reason text not null default '',
  refills integer not null default 0,
  sent_back_at real,
  dispatched_at real,
  created_at real not null
);
create index if not exists certification_account on certification (account, created_at);

create table if not exists open_account (
  appid text primary key, component text not null, principal_name text not null
);
create table if not exists open_binding (account text primary key, open_appid text not null);
create index if not exists open_binding_appid on open_binding (open_appid);

-- What a person confirms on the phone within a day. `account` is the mini program that it is about, if there is one yet;
-- `person` the only one who may answer; `ticket` proves to a later call that it was agreed to.
create table if not exists registration (
  taskid text primary key,
  component text not null,
  kind text not null,
  given text not null,
  status integer not null default 0,
  account text not null default '',
  person integer,
  ticket text not null default '',
  created_at real not null
);
create table if not exists trial_program (
  account text primary key,
  openid text not null,
  state text not null default 'open',
  ends_at real not null
);
create index if not exists trial_program_open on trial_program (state, ends_at);

-- Visits of WeChat's pages that return to the platform with something to be used in a call; `id` is that something.
create table if not exists errand (
  id text primary key,
  kind text not null,
  component text not null,
  account text not null,
  redirect_uri text not null,
  state text not null default 'open',
  successor integer,
  used_at real,
  created_at real not null
);
create table if not exists app_secret (account text primary key, secret text not null);

create table if not exists name_change (
  id integer primary key,
  component text not null,
  account text not null,
  nick_name text not null,
  former_name text not null,
  papers text not null,
  reviewed integer not null,
  status integer not null,
  reason text not null default '',
  created_at real not null,
  decided_at real
);
create index if not exists name_change_account on name_change (account);
create table if not exists avatar (account text primary key, content blob not null, changed_at real not null);
create table if not exists fetch_setting (
  account text not null, kind text not null, setting text not null, primary key (account, kind)
);

create table if not exists verify_task (
  task_id text primary key,
  component text not null,
  account text not null,
  along_with_auth integer not null,
  auth_result integer not null,
  face_status integer not null,
  finished integer not null default 0,
  created_at real not null
);
create index if not exists verify_task_account on verify_task (account);
create table if not exists filing_media (media text primary key, certificate_type integer);
-- One per mini program; status as WeChat counts it, 0 when nothing is filed or applied for.
create table if not exists filing (
  account text primary key,
  component text not null,
  application text not null,
  procedure_id text,
  status integer not null,
  sms_status integer not null default 0,
  audit_data text not null default '[]',
  record_number text not null default '',
  cancel_type integer not null default 0,
  submitted_at real not null
);
create table if not exists filing_subject (
  certificate_number text primary key, record_number text not null, programs integer not null default 0
);
-- Text messages of the ministry: purpose is filing or cancel, state is waiting, confirmed or void.
create table if not exists filing_sms (
  id integer primary key,
  account text not null,
  mobile text not null,
  code text not null,
  purpose text not null,
  state text not null default 'waiting',
  wrong integer not null default 0,
  sent_at real not null
);
create index if not exists filing_sms_account on filing_sms (account, state);
-- Certification and filing in one go; the certification task holds auth_data.
create table if not exists auth_and_icp (
  procedure_id text primary key,
  component text not null,
  account text not null,
  certification text not null,
  application text not null,
  status integer not null,
  hints text not null default '[]',
  ended integer not null default 0
);
create index if not exists auth_and_icp_account on auth_and_icp (account);
create index if not exists auth_and_icp_certification on auth_and_icp (certification);

create table if not exists privacy_guide (
  account text not null, version integer not null, content text not null, updated_at real not null,
  primary key (account, version)
);
create table if not exists application (
  id integer primary key,
  kind text not null,
  component text not null,
  account text not null,
  subject text not null,
  given text not null,
  status text not null default 'waiting',
  reason text not null default '',
  applied_at real not null,
  decided_at real
);
create index if not exists application_account on application (account, kind, subject);
create index if not exists application_subject on application (subject, kind);

create table if not exists penalty (
  id text primary key,
  account text not null,
  reason text not null,
  content text not null,
  rule_name text not null,
  rule_url text not null,
  at integer not null
);
create index if not exists penalty_account on penalty (account, at);
create table if not exists appeal (
  id integer primary key,
  penalty text not null,
  reason text not null,
  by_provider integer not null,
  status integer not null default 1,
  audit_reason text not null default '',
  at real not null,
  decided_at real
);
create index if not exists appeal_penalty on appeal (penalty);
create table if not exists shown_account (account text primary key, official_account text not null);
create table if not exists plugin (appid text primary key, nick_name text not null, versions text not null);
create table if not exists qrcode_rule (
  account text not null,
  prefix text not null,
  path text not null,
  permit_sub_rule integer not null,
  open_version integer not null,
  debug_url text not null,
  published integer not null default 0,
  primary key (account, prefix)
);
create index if not exists qrcode_rule_prefix on qrcode_rule (prefix);

create table if not exists category_review (
  account text not null,
  first integer not null,
  second integer not null,
  component text not null,
  papers text not null,
  status integer not null,
  reason text not null default '',
  submitted_at real not null,
  decided_at real,
  primary key (account, first, second)
);

create table if not exists sign_in_app (
  appid text primary key,
  secret text not null,
  name text not null,
  kind text not null,
  domain text not null,
  open_account text not null default '',
  daily_messages integer not null default 100000
);
create table if not exists sign_in_visit (
  id text primary key,
  app text not null,
  redirect_uri text not null,
  scope text not null,
  state text not null default '',
  answer text not null default 'open',
  code text,
  expires_at real not null
);
create table if not exists sign_in_code (
  value text primary key, app text not null, person integer not null, scope text not null, expires_at real not null, used_at real
);
create table if not exists sign_in_token (
  value text primary key, app text not null, person integer not null, scope text not null, expires_at real not null
);
create table if not exists service_token (
  value text primary key, app text not null, expires_at real not null, void integer not null default 0
);
create table if not exists message_template (
  template_id text primary key, app text not null, title text not null, fields text not null
);
create table if not exists follower (app text not null, person integer not null, primary key (app, person));
create table if not exists template_message (
  id integer primary key,
  app text not null,
  person integer not null,
  template text not null,
  data text not null,
  url text not null,
  client_id text not null,
  sent_at real not null
);
