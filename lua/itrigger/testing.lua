-- A client for tests of one's own code: no network, no token; every call is answered by a stub and recorded. What goes in
-- and out passes the real JSON writer and reader, and endpoint functions check their parameters as always.
--
--   local testing = require "itrigger.testing"
--   local client = testing.client {
--     ["member.query"] = { data = { realName = "李雷" } },
--     ["member.register"] = testing.error(80001),
--     ["GET /custom/path"] = function(params) return { data = params.id } end,
--   }

local check = require "itrigger.check"
local codes = require "itrigger.codes"
local core = require "itrigger.core"
local counts = require "itrigger.counts"
local errors = require "itrigger.errors"
local json = require "itrigger.json"
local later = require "itrigger.later"

local endpoint, groups, metrics = later.endpoint, later.groups, later.metrics
local pages, requests, watch = later.pages, later.requests, later.watch
local concat, error, getmetatable, ipairs, pairs = table.concat, error, getmetatable, ipairs, pairs
local rawget, rawset, setmetatable, tostring, type = rawget, rawset, setmetatable, tostring, type

local testing = {}

-- ---- stubs ----

local failure_metatable, sequence_metatable = {}, {}

-- The kinds that a call can fail with when the gateway gave no envelope, and what such an error says.
local KINDS = {
  network = "connection reset by peer (stub)",
  timeout = "the deadline passed (stub)",
  tls = "the certificate could not be verified (stub)",
  http = "HTTP 502, and the body is no answer of the API (stub)",
  decode = "the answer is not JSON (stub)",
  token = "the gateway rejected the token (stub)",
  quota = "the limit of token fetches is reached (stub)",
  store = "the token store failed (stub)",
}

local ANSWER_FIELDS = { "code", "data", "elapsed", "message", "pageCount", "pageNum", "pageSize", "total" }
local ERROR_FIELDS = { "code", "elapsed", "http_status", "kind", "message", "method", "name", "path", "response", "retryable" }

-- What is wrong with a name that is not one of these, with the nearest of them; or nil.
local function unknown(name, names, what)
  for _, one in ipairs(names) do
    if one == name then
      return nil
    end
  end
  local near = core.nearest(tostring(name), names)
  return ('unknown %s "%s"%s'):format(what, tostring(name), near and (', did you mean "%s"?'):format(near)
    or " (there are " .. concat(names, ", ") .. ")")
end

-- A stub that fails: with a code of the gateway (a number), or with a kind of error ("timeout", "network" …). message
-- and fields (a table) are optional.
function testing.error(code_or_kind, message, fields)
  local made = { retryable = false }
  if type(code_or_kind) == "number" then
    made.kind, made.code, made.name = "api", code_or_kind, codes[code_or_kind]
    made.message = message or codes[code_or_kind] or "stub"
    made.http_status = 200
    made.response = { code = code_or_kind, message = made.message }
  elseif KINDS[code_or_kind] then
    made.kind, made.message = code_or_kind, message or KINDS[code_or_kind]
  else
    local names = {}
    for name in pairs(KINDS) do
      names[#names + 1] = name
    end
    table.sort(names)
    check.fail("testing.error: expected a code or one of %s, got %s", concat(names, ", "), tostring(code_or_kind))
  end
  for name, value in pairs(fields or {}) do
    local wrong = unknown(name, ERROR_FIELDS, "field")
    if wrong then
      check.fail("testing.error: %s", wrong)
    end
    made[name] = value
  end
  return setmetatable(made, failure_metatable)
end

-- A stub that gives one answer after the other, and the last one for ever.
function testing.sequence(...)
  local stubs = { ... }
  if #stubs == 0 then
    check.fail("testing.sequence: at least one stub expected")
  end
  return setmetatable({ stubs = stubs, at = 0 }, sequence_metatable)
end

local function next_of(sequence)
  sequence.at = sequence.at < #sequence.stubs and sequence.at + 1 or sequence.at
  return sequence.stubs[sequence.at]
end

-- ---- checks of stubs ----

-- What `data` is in the documentation's example: "array", "object", or the name of its type.
local function shape(value)
  if type(value) ~= "table" then
    return type(value)
  end
  local is_array = value[1] ~= nil or getmetatable(value) == core.array_metatable
  return is_array and "array" or "object"
end

local function names_of(example)
  local names = {}
  for name in pairs(example) do
    names[#names + 1] = name
  end
  table.sort(names)
  return names
end

-- The first field of a row or object that the documentation does not have, with the nearest, or nil.
local function unknown_field(data, example)
  for name in pairs(data) do
    if example[name] == nil then
      local names = names_of(example)
      local near = core.nearest(tostring(name), names)
      return ('data.%s is not documented%s (documented: %s; check = false in testing.client allows it)'):format(
        tostring(name), near and (', did you mean "%s"?'):format(near) or "", concat(names, ", "))
    end
  end
end

-- What is wrong with a success stub of a documented endpoint, or nil.
local function wrong_answer(e, stub)
  for name in pairs(stub) do
    local wrong = unknown(name, ANSWER_FIELDS, "field")
    if wrong then
      return wrong .. "; check = false in testing.client allows it"
    end
  end
  local example, data = e.entry.answer, stub.data
  if example == nil or data == nil or e.open then
    return nil
  end
  local wanted, given = shape(example), shape(data)
  if wanted == "array" and given == "object" and next(data) == nil then
    return nil
  elseif wanted ~= given then
    return ("data must be of type %s as documented, not %s"):format(wanted, given)
  elseif wanted == "object" then
    return unknown_field(data, example)
  elseif wanted == "array" and type(data[1]) == "table" then
    return unknown_field(data[1], example[1])
  end
end

-- Raise what is wrong with a stub, or with what a function returned as one.
local function check_stub(key, stub)
  local meta = getmetatable(stub)
  if meta == failure_metatable or type(stub) == "function" then
    return
  elseif meta == sequence_metatable then
    for _, one in ipairs(stub.stubs) do
      check_stub(key, one)
    end
    return
  elseif type(stub) ~= "table" then
    check.fail("testing.client: the stub of %s must be a table, a function, testing.error or testing.sequence, not a %s",
      key, type(stub))
  end
  local code = tonumber(stub.code or 200)
  if not (code and code >= 200 and code < 300) then
    check.fail("testing.client: the stub of %s: an answer with the code %s is an error for the library: write testing.error(%s)",
      key, tostring(stub.code), tostring(stub.code))
  end
  local e = endpoint.documented[key]
  local wrong = e and wrong_answer(e, stub)
  if wrong then
    check.fail("testing.client: the stub of %s: %s", key, wrong)
  end
end

-- "GET /path" → itself; "member.query" → "GET /itrigger-bff/…".
local function address(key)
  if type(key) == "string" and (key:find "^GET /" or key:find "^POST /") then
    return key
  end
  local e, near = endpoint.find(tostring(key))
  if e == nil then
    check.fail('testing.client: unknown endpoint "%s"%s; a stub is named "group.function", "GET /path" or "POST /path"',
      tostring(key), near and (', did you mean "%s"?'):format(near) or "")
  end
  return e.method .. " " .. e.path
end

-- ---- a call ----

local names_by_address = {}
for name, e in pairs(endpoint.documented) do
  names_by_address[e.method .. " " .. e.path] = name
end

-- A copy by way of the wire: what the gateway would see (with null) or say. Returns it, nil, its bytes | nil, err.
local function over_the_wire(value, null)
  local text, err = json.encode(value)
  if text == nil then
    return nil, err
  end
  return json.decode(text, { null = null }), nil, #text
end

-- Returns nil, err, bytes.
local function failure(stub, method, path)
  local err = {}
  for name, value in pairs(stub) do
    err[name] = value
  end
  err.method, err.path, err.elapsed = method, path, err.elapsed or 0
  local bytes = 0
  if err.response then
    local _
    err.response, _, bytes = over_the_wire(err.response)
  end
  return nil, errors.new(err), bytes
end

-- Returns res, nil, bytes.
local function success(stub)
  local answer = { code = 200, message = "操作成功" }
  for name, value in pairs(stub) do
    answer[name] = value
  end
  local res, err, bytes = over_the_wire(answer)
  if res == nil then
    check.fail("testing: the answer of a stub cannot be written as JSON: %s", err.message)
  end
  res.elapsed = res.elapsed or 0
  return res, nil, bytes
end

local is_call_opt = {}
for _, name in ipairs(core.call_opts) do
  is_call_opt[name] = true
end

-- What the library would refuse in path and opts, as far as it can be said by name; or nil.
local function wrong_call(path, opts)
  if path:sub(1, 1) ~= "/" then
    return 'the path must begin with "/"'
  end
  for name in pairs(opts or {}) do
    if not is_call_opt[name] then
      local near = core.nearest(tostring(name), core.call_opts)
      return ("unknown option opts.%s%s"):format(tostring(name), near and (': did you mean "%s"?'):format(near) or "")
    end
  end
end

-- What is wrong with a call that is not started, or nil and the params as they are sent.
local function flaw(self, method, path, params, opts)
  local wrong = rawget(self, "is_closed") and "the client is closed" or wrong_call(path, opts)
  if wrong then
    return errors.new { kind = "usage", retryable = false, message = wrong, method = method, path = path }
  end
  local sent, err = over_the_wire(params or {}, "keep")
  if sent == nil then
    err.method, err.path = method, path
  end
  return err, sent
end

-- What the stubs of a client are called, for people.
local function stub_names(stubs)
  local names = {}
  for key in pairs(stubs) do
    names[#names + 1] = names_by_address[key] or key
  end
  table.sort(names)
  return concat(names, ", ")
end

-- Have the stub answer. Returns the envelope, nil, bytes | nil, err, bytes.
local function reply(self, method, path, sent, opts)
  local key = method .. " " .. path
  local call = { method = method, path = path, endpoint = names_by_address[key], params = sent, opts = opts }
  self.calls[#self.calls + 1] = call
  local stub = rawget(self, "stubs")[key]
  if stub == nil then
    check.fail("testing: no stub for %s; the client has stubs for: %s",
      call.endpoint and ("%s (%s)"):format(call.endpoint, key) or key, stub_names(rawget(self, "stubs")))
  end
  while getmetatable(stub) == sequence_metatable or type(stub) == "function" do
    if type(stub) == "function" then
      stub = stub(over_the_wire(sent, "keep"), opts, call) or {} -- a copy: what it changes there is not recorded
      if rawget(self, "is_checked") or type(stub) ~= "table" then
        check_stub(call.endpoint or key, stub)
      end
    else
      stub = next_of(stub)
    end
  end
  if getmetatable(stub) == failure_metatable then
    return failure(stub, method, path)
  end
  return success(stub or {})
end

-- Note a call that ended: see lua_watch.h for the fields.
local function note(self, call)
  rawget(self, "counts").on_call(call)
  local on_call = rawget(self, "on_call")
  if on_call and not rawget(self, "is_watching") then
    rawset(self, "is_watching", true)
    on_call(call)
    rawset(self, "is_watching", nil)
  end
end

-- Note a call that was not started. Returns err.
local function unstarted(self, err, method, path, name)
  err.elapsed = 0
  note(self, { method = method, path = path and path:match("^[^?#]*"), endpoint = name, kind = err.kind,
    elapsed = 0, attempts = 0, refused = 0, bytes = 0 })
  return err
end

-- name: of the endpoint, if it is called by its function.
local function perform(self, method, path, params, opts, name)
  local err, sent = flaw(self, method, path, params, opts)
  if err then
    return nil, unstarted(self, err, method, path, name)
  end
  local res, bytes
  res, err, bytes = reply(self, method, path, sent, opts)
  local told = err or res
  note(self, { method = method, path = path, endpoint = name, kind = err and err.kind, code = told.code,
    http_status = res and 200 or err.http_status, elapsed = told.elapsed, attempts = 1, refused = 0, bytes = bytes })
  return res, err
end

-- ---- the client ----

-- What counts.lua counts in, for this client alone.
local function new_dictionary()
  local values = {}
  return {
    incr = function(_, key, by, initial) values[key] = (values[key] or initial) + by end,
    get = function(_, key) return values[key] end,
  }
end

local methods = {}

function methods:get(path, params, opts, name)
  check.call("get", "params", path, params, opts)
  return perform(self, "GET", path, params, opts, name)
end

function methods:post(path, body, opts, name)
  check.call("post", "body", path, body, opts)
  return perform(self, "POST", path, body, opts, name)
end

-- One request of a batch. Returns the envelope | nil, err.
local function carry_out(self, request, shared)
  local is_post, path, params, opts, name = requests.read(request, shared)
  if is_post == nil then
    return nil, unstarted(self, path, path.method, path.path, requests.endpoint_name(request))
  end
  return perform(self, is_post and "POST" or "GET", path, params, opts, name)
end

-- Results in the order of the requests, one call after the other.
function methods:batch(given, opts)
  requests.check("batch", given, opts)
  local pull, shared, index = requests.each(given), requests.shared_opts(opts), 0
  local made = {}
  function made.next()
    local request = pull()
    if request == nil then
      return nil
    end
    index = index + 1
    local response, err = carry_out(self, request, shared)
    if opts and opts.on_progress then
      opts.on_progress(index, type(given) == "table" and not check.is_callable(given) and #given or nil)
    end
    return { index = index, tag = type(request) == "table" and request.tag or nil, response = response, error = err,
      elapsed = (err or response).elapsed }
  end
  function made.close()
    pull = function() end
    return {}
  end
  return setmetatable(made, { __call = made.next })
end

function methods:all(given, opts)
  local results = {}
  for result in self:batch(given, opts) do
    results[#results + 1] = result
  end
  return results
end

-- The rows of one page after another, until a page is empty or `total` rows were given. max_pages and on_error are heeded.
function methods:pages(path, params, opts, name)
  pages.check("pages", path, params, opts)
  opts = opts or {}
  local method, most = (opts.method or "GET"):upper(), opts.max_pages or pages.MAX_PAGES
  local asked, call_opts = { pageNum = 1, pageSize = pages.PAGE_SIZE }, {}
  for key, value in pairs(params or {}) do
    asked[key] = value
  end
  for opt, value in pairs(opts) do
    call_opts[opt] = not pages.own_opts[opt] and value or nil
  end
  local rows, at, given, n_pages, answer, is_last = {}, 0, 0, 0, nil, false

  local function turn()
    if n_pages == most then
      error(errors.new { kind = "usage", retryable = false, method = method, path = path,
        message = ("the list has more than %d pages; opts.max_pages allows more"):format(most) }, 0)
    end
    local page = asked.pageNum
    local res, err = perform(self, method, path, asked, call_opts, name)
    asked.pageNum, n_pages, rows, at = page + 1, n_pages + 1, {}, 1
    if res == nil then
      if not (opts.on_error and opts.on_error(err, page)) then
        error(err, 0)
      end
      return
    end
    answer, rows = res, type(res.data) == "table" and res.data or rows
    given = given + #rows
    is_last = #rows == 0 or given >= (tonumber(res.total) or 0)
  end

  return function()
    at = at + 1
    while rows[at] == nil do
      if is_last then
        return nil
      end
      turn()
    end
    return rows[at], answer
  end
end

function methods.token()
  return "testing-token", nil, "memory"
end

methods.refresh = methods.token

function methods:stats()
  return {
    state = "held", waiters = 0, store = "memory", fetched = 0, calls = #self.calls, refused = 0, repeated = 0, events = {},
  }
end

function methods:metrics(shared)
  metrics.check(shared)
  if rawget(self, "is_closed") then
    return nil, errors.new { kind = "usage", retryable = false, message = "the client is closed" }
  end
  local sums = rawget(self, "counts").read()
  sums.app = "testing"
  return metrics.text(sums, self:stats(), shared)
end

function methods:close()
  rawset(self, "is_closed", true)
  return true
end

function methods:define(entry)
  groups.define(self, entry, methods)
  return true
end

-- Told by this word, as a client by its own: see client.is_client.
local NAME = "itrigger.testing.client"
local metatable = { __name = NAME, __metatable = NAME }

function metatable.__index(self, name)
  return methods[name] or groups.find(self, name)
end

-- A client whose calls are answered by the stubs: name of an endpoint, or "GET /path", → a table of fields of the
-- envelope (code 200 unless it says), a function(params, opts, call) that returns one, testing.error or
-- testing.sequence. client.calls holds what was called: { endpoint, method, path, params, opts } each.
-- opts: check = false takes stubs whose data the documentation does not have; on_call: as the option of a client.
-- Raises for a wrong stub.
function testing.client(stubs, opts)
  check.table_or_nil("testing.client", "stubs", stubs)
  local by_address = {}
  for key, stub in pairs(stubs or {}) do
    local at = address(key)
    if not (opts and opts.check == false) then
      check_stub(key, stub)
    end
    by_address[at] = stub
  end
  local on_call = opts and opts.on_call
  if on_call ~= nil and not check.is_callable(on_call) then
    check.wrong_type("testing.client", "opts.on_call", "function", on_call)
  end
  local self = {
    stubs = by_address,
    calls = {},
    is_checked = not (opts and opts.check == false),
    counts = counts.shared(new_dictionary()),
    on_call = on_call and watch.guard(on_call),
  }
  function self.unstarted(err, ...)
    return unstarted(self, err, ...)
  end
  return setmetatable(self, metatable)
end

return testing
