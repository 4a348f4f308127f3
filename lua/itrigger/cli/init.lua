-- The command `itrigger`: run(arguments) returns the exit status. 0 ok, 1 the gateway said no, 2 usage or configuration,
-- 3 network or timeout, 4 token or quota, 130 interrupted.

local arguments = require "itrigger.cli.arguments"
local core = require "itrigger.core"
local endpoint = require "itrigger.endpoint"
local errors = require "itrigger.errors"
local client_of = require "itrigger.client"
local json = require "itrigger.json"
local known = require "itrigger.endpoints"
local options = require "itrigger.options"
local output = require "itrigger.cli.output"
local profile = require "itrigger.cli.profile"
local terminal = require "itrigger.cli.terminal"

local cli = {}

local STATUS = {
  usage = 2, config = 2, network = 3, timeout = 3, tls = 3, http = 3, decode = 3, api = 1, token = 4, quota = 4, store = 4,
}
local SECRETS = { app_secret = true, token_store_key = true }

-- What ends a command early: raised as a table, so that one place tells it.
local function stop(status, message, ...)
  error({ status = status, message = message and message:format(...) }, 0)
end

local function stop_with(err)
  stop(STATUS[err.kind] or 3, "%s", tostring(err))
end

-- ---- settings ----

local function settings_of(args)
  local name = args.profile or os.getenv "ITRIGGER_PROFILE"
  local made = {}
  if name and name ~= "" then
    local err
    made, err = profile.read(name)
    if made == nil then
      stop(2, "%s", err)
    end
  end
  if args.timeout then
    made.timeout = args.timeout
  end
  if args.verbose then
    made.trace = 1
  end
  return made, name
end

local function open(args)
  local client, err = client_of.new(settings_of(args))
  if client == nil then
    stop_with(err)
  end
  return client
end

-- The options in force, each with where it comes from, for people.
local function describe_settings(args)
  local given, name = settings_of(args)
  local rows, values = {}, {}
  for _, option in ipairs(core.options()) do
    local from, value = "default", nil
    local variable = options.variable(option.name)
    if given[option.name] ~= nil then
      value, from = given[option.name], name and "profile " .. name or "command line"
    elseif os.getenv(variable) then
      value, from = os.getenv(variable), variable
    end
    if value ~= nil then
      values[option.name] = value
      rows[#rows + 1] = { name = option.name, value = SECRETS[option.name] and "***" or tostring(value), from = from }
    end
  end
  return rows, values
end

-- ---- requests ----

local function url_encode(text)
  return (tostring(text):gsub("[^%w%-._~]", function(c)
    return ("%%%02X"):format(c:byte())
  end))
end

local function query_of(params)
  local names, parts = {}, {}
  for name in pairs(params) do
    names[#names + 1] = name
  end
  table.sort(names)
  for _, name in ipairs(names) do
    local values = type(params[name]) == "table" and params[name] or { params[name] }
    for _, value in ipairs(values) do
      parts[#parts + 1] = url_encode(name) .. "=" .. url_encode(value)
    end
  end
  return parts
end

local function shell_word(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

-- What would be sent, the token masked: as a request, or as a line for curl.
local function show_request(args, call)
  local _, values = describe_settings(args)
  local gateway = values.gateway or "https://GATEWAY"
  local parts = { "accessToken=***" }
  if not call.is_post then
    for _, part in ipairs(query_of(call.params)) do
      parts[#parts + 1] = part
    end
  end
  local url = gateway .. call.path .. "?" .. table.concat(parts, "&")
  local body = call.is_post and assert(json.encode(call.params))
  if args.curl then
    io.write("curl ", body and "-H 'Content-Type: application/json' --data-binary " .. shell_word(body) .. " " or "",
      shell_word(url), "\n")
  else
    io.write(call.is_post and "POST " or "GET ", url, "\n", body and body .. "\n" or "")
  end
  return 0
end

local function write_line(text)
  io.write(text, text:sub(-1) == "\n" and "" or "\n")
end

-- Perform one call and print what came of it. call: is_post, path, params, opts, check (an endpoint or nil).
local function perform(args, call)
  if call.check and not args.no_check then
    local err = endpoint.check(call.check, call.params, call.opts)
    if err then
      stop_with(err)
    end
  end
  if args.dry_run or args.curl then
    return show_request(args, call)
  end
  local client = open(args)
  local opts = call.check and endpoint.opts(call.check, call.opts) or call.opts
  local raw = args.raw or args.include
  if raw then
    local copy = { raw = true }
    for name, value in pairs(opts or {}) do
      copy[name] = value
    end
    opts = copy
  end
  local method = call.is_post and client.post or client.get
  local res, err = method(client, call.path, call.params, opts)
  client:close()
  if res == nil then
    stop_with(err)
  elseif raw then
    if args.include then
      local names = {}
      for name in pairs(res.headers) do
        names[#names + 1] = name
      end
      table.sort(names)
      io.write("HTTP ", tostring(res.status), "\n")
      for _, name in ipairs(names) do
        io.write(name, ": ", terminal.safe(res.headers[name]), "\n")
      end
      io.write "\n"
    end
    write_line(res.body)
    local decoded = json.decode(res.body)
    local code = type(decoded) == "table" and tonumber(decoded.code)
    return res.status >= 200 and res.status < 300 and code and code >= 200 and code < 300 and 0 or 1
  end
  local value = res
  if args.filter then
    local found
    found, value = output.pick(res, args.filter)
    if not found then
      stop(1, "--filter %s: the answer has no such member", args.filter)
    end
  end
  write_line(output.format(value, args.output, args.filter))
  return 0
end

local function opts_of(args)
  if args.idempotent then
    return { idempotent = true }
  end
end

local function read_or_stop(value, err)
  if value == nil then
    stop(2, "%s", err)
  end
  return value
end

local commands = {}

function commands.get(args)
  return perform(args, { path = args.path, params = read_or_stop(arguments.read(args.params)), opts = opts_of(args) })
end

function commands.post(args)
  return perform(args, { is_post = true, path = args.path, params = read_or_stop(arguments.body(args.params)), opts = opts_of(args) })
end

-- A documented endpoint by name.
local function call_endpoint(args, e)
  local params = {}
  for _, param in ipairs(e.entry.params) do
    params[param[1]] = param
  end
  local read = e.is_post and arguments.body or arguments.read
  return perform(args, {
    is_post = e.is_post, path = e.path, check = e, params = read_or_stop(read(args.params, params)), opts = opts_of(args),
  })
end

-- ---- other commands ----

local function find_endpoint(name)
  local e, near = endpoint.find(name)
  if e == nil then
    stop(2, 'unknown endpoint "%s"%s; see: itrigger endpoints', name, near and (', did you mean "%s"?'):format(near) or "")
  end
  return e
end

-- "order.trades", "POST /path" or "/path" (GET) → is_post, path, endpoint or nil.
local function target_of(text)
  local method, path = text:match "^(%a+) (/.*)$"
  if method then
    return method:upper() == "POST", path
  elseif text:sub(1, 1) == "/" then
    return false, text
  end
  local e = find_endpoint(text)
  return e.is_post, e.path, e
end

function commands.pages(args)
  local is_post, path, e = target_of(args.target)
  local params = read_or_stop(arguments.read(args.params, nil))
  local client = open(args)
  local rows
  if e then
    rows = client[e.group][e.short]:pages(params, { check = not args.no_check and nil })
  else
    rows = client:pages(path, params, { method = is_post and "POST" or "GET" })
  end
  for row in rows do
    io.write(assert(json.encode(row)), "\n")
  end
  client:close()
  return 0
end

function commands.batch(args)
  local is_post, path, e = target_of(args.to)
  local client = open(args)
  local handle = e and client[e.group][e.short]
  local counts, err = require("itrigger.cli.batch").run {
    client = client, input = args.file, name = args.to, concurrency = args.concurrency, failed = args.failed,
    resume = args.resume, journal = args.journal,
    request = function(params)
      if handle then
        return { handle, params, check = not args.no_check and nil }
      end
      return { is_post and "POST" or "GET", path, params }
    end,
  }
  client:close()
  if counts == nil then
    stop(2, "%s", err)
  end
  return counts.failed + counts.unknown == 0 and 0 or 1
end

local function show_token(args, method)
  local client = open(args)
  local token, err, source = client[method](client)
  local stats = token and client:stats()
  client:close()
  if token == nil then
    stop_with(err)
  elseif err then
    io.stderr:write("itrigger: warning: ", tostring(err), "\n")
  end
  write_line(args.show and token or ("%s from %s"):format(stats.token or "a token", source))
  return 0
end

function commands.token(args)
  return show_token(args, "token")
end

function commands.refresh(args)
  return show_token(args, "refresh")
end

function commands.stats(args)
  local client = open(args)
  client:token()
  local stats = client:stats()
  client:close()
  write_line(output.format(stats, args.output))
  return 0
end

function commands.endpoints(args)
  local word, language = (args.word or ""):lower(), terminal.language()
  for _, name in ipairs(endpoint.names) do
    local entry = endpoint.documented[name].entry
    local text = entry[language] or entry.en
    if (name .. " " .. entry.path .. " " .. entry.en .. " " .. entry.zh):lower():find(word, 1, true) then
      io.write(("%-26s  %-4s  %s\n"):format(name, entry.method, text))
    end
  end
  return 0
end

-- Describe a documented endpoint: its parameters, and a line to try.
local function describe(name)
  local e, language = find_endpoint(name), terminal.language()
  local entry, width = e.entry, 0
  io.write(("%s  %s %s\n%s\n\n"):format(name, entry.method, entry.path, entry[language] or entry.en))
  for _, param in ipairs(entry.params) do
    width = math.max(width, #param[1])
  end
  local words = {}
  for _, param in ipairs(entry.params) do
    local needed = param.required and (language == "zh" and "必填" or "required") or ""
    io.write(("  %-" .. width .. "s  %-8s  %-8s  %s\n"):format(param[1], param.type or "any", needed,
      param[language] or param.en or ""))
    if param.required and param.example then
      words[#words + 1] = param[1] .. "=" .. shell_word(tostring(param.example)):gsub("^'([%w_.-]+)'$", "%1")
    end
  end
  for _, group in ipairs(entry.either or {}) do
    io.write("  ", language == "zh" and "或: " or "either: ", table.concat(group, " + "), "\n")
  end
  io.write("\n  itrigger ", e.group, " ", e.short, " ", table.concat(words, " "), "\n")
  return 0
end

function commands.doctor(args)
  local rows, values = describe_settings(args)
  local worst = require("itrigger.cli.doctor").run(rows, values, function()
    return client_of.new((settings_of(args)))
  end)
  return worst == "failure" and 1 or 0
end

function commands.configure(args)
  local name = args.profile or "default"
  local before = profile.read(name) or {}
  local function ask(text, standard)
    local answer = terminal.ask(text .. (standard and " [" .. standard .. "]" or "") .. ": ")
    if answer == nil then
      stop(2, "configure: the input ended; nothing was written")
    end
    return answer ~= "" and answer or standard
  end
  local made = {
    gateway = ask("Gateway (https://…)", before.gateway or "https://gateway-dev.itrigger.cn"),
    app_id = ask("App id", before.app_id),
    token_store = ask("Token store", before.token_store or "file:"),
  }
  local secret = terminal.ask("App secret (not shown" .. (before.app_secret_file and ", empty keeps it" or "") .. "): ", true)
  if secret == nil or secret == "" and not before.app_secret_file then
    stop(2, "configure: a secret is needed; nothing was written")
  end
  made.app_secret_file = before.app_secret_file
  local path, err = profile.write(name, made, secret ~= "" and secret or nil)
  if path == nil then
    stop(2, "configure: %s", err)
  end
  io.write("Written: ", path, "\nTry it: itrigger --profile ", name, " doctor\n")
  return 0
end

-- Where the sandbox is: in the source tree, or installed beside the command.
local function sandbox_command()
  local here = debug.getinfo(1, "S").source:match "^@(.*)lua/itrigger/cli/init%.lua$"
  local places = { here and here .. "sandbox/run", os.getenv "ITRIGGER_SANDBOX", "/usr/local/share/itrigger/sandbox/run",
    "/usr/share/itrigger/sandbox/run" }
  for _, place in pairs(places) do
    local file = place and io.open(place, "rb")
    if file then
      file:close()
      return place
    end
  end
  stop(2, "sandbox: its files were not found in %s", table.concat({ "the source tree", "/usr/local/share/itrigger/sandbox",
    "/usr/share/itrigger/sandbox" }, ", "))
end

function commands.sandbox(args)
  local words = { "sh", shell_word(sandbox_command()) }
  for _, word in ipairs(args.arguments or {}) do
    words[#words + 1] = shell_word(word)
  end
  if #words == 2 then
    words[3] = "--foreground"
  end
  local ok, how, status = os.execute(table.concat(words, " "))
  if type(ok) == "number" then -- Lua 5.1
    return ok == 0 and 0 or 1
  end
  return ok and 0 or how == "signal" and 130 or status
end

-- ---- the parser ----

local function add_common(command)
  command:option "--timeout":description "Deadline of a call in seconds.":argname "<s>":convert(tonumber)
  command:flag "-v --verbose":description "One redacted line for each answer on standard error."
  command:option "--profile":description "Options from ~/.config/itrigger/NAME.conf.":argname "<name>"
end

local function add_call(command)
  command:flag "--raw":description "Print the body as it came."
  command:flag "-i --include":description "Print status and headers too."
  command:option "--filter":description "Print one member: data.realName, data[0].id.":argname "<path>"
  command:option "--output":description "json, table or text.":choices { "json", "table", "text" }
  command:flag "--dry-run":description "Print the request, send nothing."
  command:flag "--curl":description "Print a line for curl, send nothing; the token is masked."
  command:flag "--idempotent":description "May be retried even if it may have been executed."
  command:argument "params":description "name=text, name:=JSON, name=@file; a body also as @file.json or -.":args "*"
end

local function add_check(command)
  command:flag "--no-check":description "Do not check the parameters."
end

local function build_parser()
  local argparse = require "argparse"
  local parser = argparse("itrigger", "Call the iTrigger OpenAPI from the shell."):add_help_command()
  parser:command_target "command"
  parser:require_command(false)
  parser:flag "--version":description "Print the version."
  add_common(parser)
  local function command(name, text)
    local made = parser:command(name):summary(text):description(text)
    return made
  end
  for _, method in ipairs { "get", "post" } do
    local made = command(method, ("Send one %s."):format(method:upper()))
    made:argument "path":description "Path of the gateway, from /."
    add_call(made)
  end
  local groups = {}
  for _, name in ipairs(endpoint.names) do
    local e = endpoint.documented[name]
    local group = groups[e.group]
    if group == nil then
      group = command(e.group, ("Documented endpoints %s.*."):format(e.group))
      group:command_target "endpoint"
      groups[e.group] = group
    end
    local text = e.entry[terminal.language()] or e.entry.en
    local made = group:command(e.short):summary(text):description(text)
    add_call(made)
    add_check(made)
  end
  local pages = command("pages", "Print the rows of a paged list, one JSON object per line.")
  pages:argument "target":description 'An endpoint, "GET /path" or "POST /path".'
  pages:argument "params":args "*"
  add_check(pages)
  local batch = command("batch", "One call for each line of a file of JSON objects.")
  batch:argument "file":description "The file, or - for standard input."
  batch:option "--to":description 'An endpoint, "GET /path" or "POST /path".':count(1)
  batch:option "--concurrency":description "Calls at once.":convert(tonumber)
  batch:option "--failed":description "Lines that did not succeed, with the reason, as JSON.":argname "<file>"
  batch:option "--journal":description "What came of each line (FILE.journal).":argname "<file>"
  batch:flag "--resume":description "Continue: send no line again that succeeded or may have been executed."
  add_check(batch)
  command("token", "Show which token is in use."):flag "--show":description "Print the token itself."
  command("refresh", "Fetch a new token now."):flag "--show":description "Print the token itself."
  command("stats", "Show what the token is doing."):option "--output":choices { "json", "table", "text" }
  command("doctor", "Check everything that a call needs.")
  command("endpoints", "List the documented endpoints."):argument "word":args "?"
  local help = command("describe", "Describe a documented endpoint.")
  help:argument "name":description "group.function"
  command("configure", "Ask for the options of a profile and store them.")
  command("sandbox", "Start a local gateway to try things on."):argument "arguments":args "*"
  command("completion", "Print the completion for a shell."):argument "shell":choices { "bash", "zsh", "fish" }
  return parser
end

function commands.completion(args, parser)
  local text = args.shell == "bash" and parser:get_bash_complete() or args.shell == "zsh" and parser:get_zsh_complete()
    or parser:get_fish_complete()
  io.write(text)
  return 0
end

function commands.describe(args)
  return describe(args.name)
end

-- `help member query` describes the endpoint in the user's language.
local function help_of_endpoint(words)
  if words[1] == "help" and words[2] and words[3] and endpoint.find(words[2] .. "." .. words[3]) then
    return words[2] .. "." .. words[3]
  end
end

local function dispatch(words)
  local name = help_of_endpoint(words)
  if name then
    return describe(name)
  end
  local parser = build_parser()
  local ok, args = parser:pparse(words)
  if not ok then
    stop(2, "%s; see: itrigger --help", args)
  end
  if args.version then
    io.write("itrigger ", core.version, "\n")
    return 0
  elseif args.command == nil then
    io.write(parser:get_help(), "\n")
    return 2
  end
  local run = commands[args.command]
  if run then
    return run(args, parser)
  end
  return call_endpoint(args, find_endpoint(args.command .. "." .. args.endpoint))
end

-- Run the command with these words. Returns the exit status.
function cli.run(words)
  io.stdout:setvbuf "full"
  local ok, status = xpcall(function()
    return dispatch(words)
  end, function(err)
    if type(err) == "table" then
      return err
    end
    return { message = tostring(err), trace = debug.traceback(nil, 2) }
  end)
  if ok then
    io.stdout:flush()
    return status
  end
  io.stdout:flush()
  local err = status
  if errors.is(err) then
    err = { status = STATUS[err.kind] or 3, message = tostring(err) }
  elseif err.status == nil then
    local interrupted = err.message:find "interrupted!"
    err = { status = interrupted and 130 or 2, message = interrupted and "interrupted" or err.message }
  end
  if err.message then
    io.stderr:write("itrigger: ", (terminal.safe(err.message):gsub("^itrigger: ", "")), "\n")
  end
  return err.status
end

cli.known = known

return cli
