-- The command `itrigger`: run(arguments) returns the exit status. 0 ok, 1 the gateway said no, 2 usage or configuration,
-- 3 network or timeout, 4 token or quota, 130 interrupted.

local arguments = require "itrigger.cli.arguments"
local core = require "itrigger.core"
local endpoint = require "itrigger.endpoint"
local errors = require "itrigger.errors"
local client_of = require "itrigger.client"
local json = require "itrigger.json"
local options = require "itrigger.options"
local output = require "itrigger.cli.output"
local profile = require "itrigger.cli.profile"
local shell = require "itrigger.cli.shell"
local terminal = require "itrigger.cli.terminal"

local unpack = rawget(table, "unpack") or rawget(_G, "unpack")

local cli = {}

local STATUS = {
  usage = 2, config = 2, network = 3, timeout = 3, tls = 3, http = 3, decode = 3, api = 1, token = 4, quota = 4, store = 4,
}
local TAKES_VALUE = { ["--timeout"] = true, ["--profile"] = true } -- of the options that may precede the command
local SECRETS = { app_secret = true, token_store_key = true }

local shell_word = shell.word

-- What ends a command early: raised as a table, so that one place tells it.
local function stop(status, message, ...)
  error({ status = status, message = message and message:format(...) }, 0)
end

local function stop_with(err)
  stop(STATUS[err.kind] or 3, "%s", tostring(err))
end

-- Write to standard output. What cannot be written ends the command: nobody is to take half an output for the whole.
local function put(...)
  local ok, err = io.write(...)
  if not ok then
    stop(2, "standard output cannot be written: %s", err)
  end
end

local function write_line(text)
  put(text, text:sub(-1) == "\n" and "" or "\n")
end

-- ---- settings ----

-- The profile "default", without what the environment says better. Returns table | nil, what is wrong.
local function default_profile()
  local made, err = profile.read "default"
  if made == nil then
    return nil, err
  end
  for name in pairs(made) do
    if os.getenv(options.variable(name)) then
      made[name] = nil
    end
  end
  if os.getenv "ITRIGGER_APP_SECRET" or os.getenv "ITRIGGER_APP_SECRET_FILE" then
    made.app_secret, made.app_secret_file = nil, nil
  end
  return made
end

-- The options that the words and the profile give. Returns them, and the name of the profile or nil.
local function settings_of(args)
  local name = args.profile or os.getenv "ITRIGGER_PROFILE"
  local made, err = {}, nil
  if name and name ~= "" then
    made, err = profile.read(name)
  elseif profile.exists "default" then
    name = "default"
    made, err = default_profile()
  end
  if made == nil then
    stop(2, "%s", err)
  end
  if made.null == nil and not os.getenv(options.variable "null") then
    made.null = "keep" -- an answer is shown as it is
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

-- The value of an option for people: a secret, and the password of an address, are hidden.
local function shown_option(name, value)
  if SECRETS[name] then
    return "***"
  end
  -- A password that is not percent-encoded, as it must be, may hold any byte: it ends at the last "@".
  return (tostring(value):gsub("(password=)[^&]*", "%1***"):gsub("^([%w+.-]+://[^/?#:@]*:).*@", "%1***@"))
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
      rows[#rows + 1] = { name = option.name, value = shown_option(option.name, value), from = from }
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
    local given = params[name]
    local values = type(given) == "table" and given or { given }
    local is_object = type(given) == "table" and given[1] == nil and next(given) ~= nil
    for _, value in ipairs(is_object and { given } or values) do
      if type(value) == "table" then
        stop(2, "%s: a GET takes text, numbers, booleans, and arrays of them", name)
      elseif value ~= json.null then
        parts[#parts + 1] = url_encode(name) .. "=" .. url_encode(value)
      end
    end
  end
  return parts
end

-- What would be sent, the token masked: as a request, or as a line for curl.
local function show_request(args, call)
  if not call.path:find "^/[^%s%c?#]*$" then
    stop(2, 'the path "%s" must begin with "/", without spaces, ? and #; parameters are words of their own', call.path)
  end
  local _, values = describe_settings(args)
  local gateway = values.gateway or "https://GATEWAY"
  local parts = { "accessToken=***" }
  if not call.is_post then
    for _, part in ipairs(query_of(call.params)) do
      parts[#parts + 1] = part
    end
  end
  local url = gateway .. call.path .. "?" .. table.concat(parts, "&")
  local body, wrong
  if call.is_post then
    body, wrong = json.encode(call.params)
    if body == nil then
      stop_with(wrong)
    end
  end
  if args.curl then
    put("curl ", body and "-H 'Content-Type: application/json' --data-binary " .. shell_word(body) .. " " or "",
      shell_word(url), "\n")
  else
    local text = (call.is_post and "POST " or "GET ") .. url .. "\n" .. (body and body .. "\n" or "")
    put(terminal.is_tty(1) and terminal.safe(text) or text)
  end
  return 0
end

-- Perform one call and print what came of it. call: is_post, path, params, opts, check (an endpoint or nil).
local function perform(args, call)
  local err = call.check and endpoint.check(call.check, call.params, call.opts)
  if err then
    stop_with(err)
  end
  if args.dry_run or args.curl then
    return show_request(args, call)
  end
  local client = open(args)
  local opts = call.check and endpoint.opts(call.check, call.opts) or call.opts
  local raw = args.raw or args.include
  if raw and (args.filter or args.output) then
    stop(2, "--raw and -i print the body as it came: leave out --filter and --output")
  elseif raw then
    local copy = { raw = true }
    for name, value in pairs(opts or {}) do
      copy[name] = value
    end
    opts = copy
  end
  local method = call.is_post and client.post or client.get
  local res
  res, err = method(client, call.path, call.params, opts)
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
      put("HTTP ", tostring(res.status), "\n")
      for _, name in ipairs(names) do
        put(name, ": ", terminal.safe(res.headers[name]), "\n")
      end
      put "\n"
    end
    write_line(terminal.is_tty(1) and terminal.safe(res.body) or res.body)
    local decoded = json.decode(res.body)
    local code = type(decoded) == "table" and tonumber(decoded.code)
    return res.status >= 200 and res.status < 300 and code and code >= 200 and code < 300 and 0 or 1
  end
  res.elapsed = nil -- the gateway's answer, and no more
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

-- The option `check` of a call: false, or nil for the default.
local function check_of(args)
  if args.no_check then
    return false
  end
end

local function opts_of(args)
  if args.idempotent or args.no_check then
    return { idempotent = args.idempotent, check = check_of(args) }
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

-- The documented parameters of an endpoint by name.
local function params_of(e)
  local params = {}
  for _, param in ipairs(e.entry.params) do
    params[param[1]] = param
  end
  return params
end

-- A documented endpoint by name.
local function call_endpoint(args, e)
  local read = e.is_post and arguments.body or arguments.read
  return perform(args, {
    is_post = e.is_post, path = e.path, check = e, params = read_or_stop(read(args.params, params_of(e))), opts = opts_of(args),
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
    method = method:upper()
    if method ~= "GET" and method ~= "POST" then
      stop(2, '"%s": the method must be GET or POST', text)
    end
    return method == "POST", path
  elseif text:sub(1, 1) == "/" then
    return false, text
  end
  local e = find_endpoint(text)
  return e.is_post, e.path, e
end

function commands.pages(args)
  local is_post, path, e = target_of(args.target)
  local params = read_or_stop(arguments.read(args.params, e and params_of(e)))
  params.pageNum = tonumber(params.pageNum) or params.pageNum
  local client = open(args)
  local rows
  if e then
    rows = client[e.group][e.short]:pages(params, { check = check_of(args) })
  else
    rows = client:pages(path, params, { method = is_post and "POST" or "GET" })
  end
  for row in rows do
    put(assert(json.encode(row)), "\n")
  end
  client:close()
  return 0
end

function commands.batch(args)
  local is_post, path, e = target_of(args.to)
  local client = open(args)
  local handle = e and client[e.group][e.short]
  local _, values = describe_settings(args)
  local counts, err = require("itrigger.cli.batch").run {
    client = client, input = args.file,
    name = ("%s at %s as %s"):format(args.to, values.gateway, values.app_id), concurrency = args.concurrency, rate = args.rate,
    failed = args.failed, resume = args.resume, journal = args.journal,
    request = function(params)
      if handle then
        return { handle, params, check = check_of(args) }
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
  local word, found = (args.word or ""):lower(), false
  for _, name in ipairs(endpoint.names) do
    local entry = endpoint.documented[name].entry
    if (name .. " " .. entry.path .. " " .. entry.en .. " " .. entry.zh):lower():find(word, 1, true) then
      put(("%-26s  %-4s  %s\n"):format(name, entry.method, terminal.text_of(entry)))
      found = true
    end
  end
  if not found then
    stop(1, 'no documented endpoint has "%s" in its name, path or description; see: itrigger endpoints', args.word)
  end
  return 0
end

-- The parameters of a documented endpoint, and a line to try, for people.
local function parameters_text(e)
  local entry, language, width, lines, words = e.entry, terminal.language(), 0, {}, {}
  for _, param in ipairs(entry.params) do
    width = math.max(width, #param[1])
  end
  for _, param in ipairs(entry.params) do
    local needed = param.required and (language == "zh" and "必填" or "required") or ""
    lines[#lines + 1] = ("  %-" .. width .. "s  %-8s  %-8s  %s"):format(param[1], param.type or "any", needed,
      terminal.text_of(param) or "")
    if param.required and param.example then
      words[#words + 1] = param[1] .. "=" .. shell_word(tostring(param.example)):gsub("^'([%w_.-]+)'$", "%1")
    end
  end
  for _, group in ipairs(entry.either or {}) do
    lines[#lines + 1] = (language == "zh" and "  或: " or "  either: ") .. table.concat(group, " + ")
  end
  lines[#lines + 1] = ("\n  itrigger %s %s %s"):format(e.group, e.short, table.concat(words, " "))
  return table.concat(lines, "\n")
end

-- Describe a documented endpoint in the user's language.
local function describe(name)
  local e = find_endpoint(name)
  put(("%s  %s %s\n%s\n\n%s\n"):format(name, e.method, e.path, terminal.text_of(e.entry), parameters_text(e)))
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
  local before = {}
  if profile.exists(name) then
    before = read_or_stop(profile.read(name))
  end
  local function ask(text, standard)
    local answer = terminal.ask(text .. (standard and " [" .. standard .. "]" or "") .. ": ")
    if answer == nil then
      stop(2, "configure: the input ended; nothing was written")
    end
    return answer ~= "" and answer or standard
  end
  local made = {}
  for option, value in pairs(before) do -- what is not asked for stays
    made[option] = value
  end
  made.gateway = ask("Gateway (https://…)", before.gateway or "https://gateway-dev.itrigger.cn")
  made.app_id = ask("App id", before.app_id)
  made.token_store = ask("Token store", before.token_store or "file:")
  local has_secret = before.app_secret_file or before.app_secret
  local secret = terminal.ask("App secret (not shown" .. (has_secret and ", empty keeps it" or "") .. "): ", true)
  if secret == nil or secret == "" and not has_secret then
    stop(2, "configure: a secret is needed; nothing was written")
  end
  local path, err = profile.write(name, made, secret ~= "" and secret or nil)
  if path == nil then
    stop(2, "configure: %s", err)
  end
  put("Written: ", path, "\nTry it: itrigger --profile ", name, " doctor\n")
  return 0
end

-- Where the sandbox is: in the source tree, or installed beside the command.
local function sandbox_command()
  local source = debug.getinfo(1, "S").source
  local tree, prefix = source:match "^@(.*)lua/itrigger/cli/init%.lua$", source:match "^@(.*)/share/lua/"
  local places = { os.getenv "ITRIGGER_SANDBOX" }
  if #places == 0 then
    places[1] = tree and tree .. "sandbox/run"
    places[#places + 1] = prefix and prefix .. "/share/itrigger/sandbox/run"
    places[#places + 1] = "/usr/local/share/itrigger/sandbox/run"
    places[#places + 1] = "/usr/share/itrigger/sandbox/run"
  end
  for _, place in ipairs(places) do
    local file = io.open(place, "rb")
    if file then
      file:close()
      return place
    end
  end
  stop(2, "sandbox: its start script is not at %s; name it with ITRIGGER_SANDBOX", table.concat(places, ", "))
end

-- Print what a sandbox said and stay until it ends or somebody presses Ctrl-C; stop it then. A guard stops it when this
-- process is killed: it reads the end of a pipe, which what waits here does not inherit, because popen begins that, too.
-- directory: a word of the shell.
local function stay_with_sandbox(command, text, directory)
  local guard = io.popen(command .. " --guard " .. directory, "w")
  put(text)
  io.stdout:flush()
  local ok, wrong = pcall(shell.capture, ("exec 3<>%s/lifeline 4<%s/lifeline 3>&-; exec cat <&4"):format(directory, directory))
  shell.run(command .. " --stop " .. directory)
  guard:close()
  if not ok then
    error(wrong, 0)
  end
  return 0
end

-- The words are those of sandbox/run, but that it stays in the foreground unless --background says otherwise.
local function run_sandbox(words)
  local command, line, stays = "sh " .. shell_word(sandbox_command()), {}, true
  for _, word in ipairs(words) do
    if word == "--stop" or word == "--guard" or word == "--background" or word == "--help" or word == "-h" then
      stays = false
    end
    if word ~= "--background" and word ~= "--foreground" then
      line[#line + 1] = shell_word(word)
    end
  end
  local start = command .. " " .. table.concat(line, " ")
  if not stays then
    local _, status = shell.run(start)
    return status
  end
  local pipe = io.popen(start)
  local text = pipe:read "*a"
  pipe:close()
  local directory = text:match "SANDBOX_DIR=([^\n]+)"
  if directory == nil then
    return 2 -- it said why
  end
  return stay_with_sandbox(command, text, directory)
end

-- ---- the parser ----

local function to_number(option)
  return function(text)
    local number = tonumber(text)
    return number, not number and ('%s is "%s"; it must be a number'):format(option, text) or nil
  end
end

local function add_common(command)
  command:option "--timeout":description "Deadline of a call in seconds.":argname "<s>":convert(to_number "--timeout")
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

local EXAMPLES = [[
Examples:
   itrigger member query mobile=18899888899 storeNo=1159374785466208256
   itrigger help member query         what an endpoint takes
   itrigger endpoints coupon          which endpoints there are
   itrigger doctor                    why a call fails]]

-- Add the documented endpoints to a parser, a group a command; only: of this group and, if it has one of that name, this one.
local function add_endpoints(command, only, short, for_help)
  local groups = {}
  short = only and endpoint.documented[only .. "." .. tostring(short)] and short
  for _, name in ipairs(endpoint.names) do
    local e = endpoint.documented[name]
    if (only == nil or e.group == only) and (not short or e.short == short) then
      local group = groups[e.group] or command(e.group, ("Documented endpoints %s.*."):format(e.group))
      group:command_target "endpoint"
      groups[e.group] = group
      local text = terminal.text_of(e.entry)
      local made = group:command(e.short):summary(text):description(text)
      if for_help then
        made:epilog("Parameters:\n" .. parameters_text(e))
      end
      add_call(made)
      add_check(made)
    end
  end
end

-- Each command in the order of the help: its name, description, and a function that adds its arguments. The empty entry
-- stands for the groups of endpoints.
local COMMANDS = {
  { "get", "Send one GET.", function(command)
    command:argument "path":description "Path of the gateway, from /."
    add_call(command)
  end },
  { "post", "Send one POST.", function(command)
    command:argument "path":description "Path of the gateway, from /."
    add_call(command)
  end },
  {},
  { "pages", "Print the rows of a paged list, one JSON object per line.", function(command)
    command:argument "target":description 'An endpoint, "GET /path" or "POST /path".'
    command:argument "params":args "*"
    add_check(command)
  end },
  { "batch", "One call for each line of a file of JSON objects.", function(command)
    command:argument "file":description "The file, or - for standard input."
    command:option "--to":description 'An endpoint, "GET /path" or "POST /path".':count(1)
    command:option "--concurrency":description "Calls in flight.":argname "<n>":convert(to_number "--concurrency")
    command:option "--rate":description "Calls a second, at most.":argname "<n>":convert(to_number "--rate")
    command:option "--failed":description "Lines that did not succeed, with the reason, as JSON.":argname "<file>"
    command:option "--journal":description "What came of each line (FILE.journal).":argname "<file>"
    command:flag "--resume":description "Continue: send no line again that succeeded or may have been executed."
    add_check(command)
  end },
  { "help", "Show help for a command or a documented endpoint.", function(command)
    command:argument "topic":args "*"
  end },
  { "token", "Show which token is in use.", function(command)
    command:flag "--show":description "Print the token itself."
  end },
  { "refresh", "Fetch a new token now.", function(command)
    command:flag "--show":description "Print the token itself."
  end },
  { "stats", "Show what the token is doing.", function(command)
    command:option "--output":choices { "json", "table", "text" }
  end },
  { "doctor", "Check everything that a call needs.", function() end },
  { "endpoints", "List the documented endpoints.", function(command)
    command:argument "word":args "?"
  end },
  { "describe", "Describe a documented endpoint.", function(command)
    command:argument "name":description "group.function"
  end },
  { "configure", "Ask for the options of a profile and store them.", function() end },
  { "sandbox", "Start a local gateway to try things on, until Ctrl-C; see: itrigger sandbox --help.", function() end },
  { "completion", "Print the completion for a shell.", function(command)
    command:argument "shell":choices { "bash", "zsh", "fish" }
  end },
}

local function is_command(name)
  for _, one in ipairs(COMMANDS) do
    if one[1] == name then
      return true
    end
  end
  for _, e in pairs(endpoint.documented) do
    if e.group == name then
      return true
    end
  end
  return false
end

-- Make the parser of the command line. word, next_word: the command and what follows it, where they are known: then it has
-- that command alone, which is a third of the time that a call takes. for_help: with the parameters of endpoints.
local function build_parser(word, next_word, for_help)
  local argparse = require "argparse"
  local parser = argparse("itrigger", "Call the iTrigger OpenAPI from the shell."):epilog(EXAMPLES)
  local only = word ~= "help" and word and is_command(word) and word or nil
  parser:command_target "command"
  parser:require_command(false)
  parser:flag "--version":description "Print the version."
  add_common(parser)
  local function command(name, text)
    return parser:command(name):summary(text):description(text)
  end
  for _, one in ipairs(COMMANDS) do
    if one[1] == nil then
      add_endpoints(command, only, next_word, for_help)
    elseif only == nil or one[1] == only then
      one[3](command(one[1], one[2]))
    end
  end
  return parser
end

function commands.completion(args)
  put(require("itrigger.cli.complete").scripts[args.shell])
  return 0
end

-- Where the command is among the words: behind the options before it.
local function command_at(words)
  local i = 1
  while words[i] and words[i]:find "^%-" do
    i = i + (TAKES_VALUE[words[i]] and 2 or 1)
  end
  return i
end

-- A command that is the name of an endpoint, such as member.query, as its two words.
local function split_name(words)
  local made, i = {}, command_at(words)
  for at, word in ipairs(words) do
    local e = at == i and endpoint.documented[word]
    made[#made + 1] = e and e.group or word
    made[#made + 1] = e and e.short or nil
  end
  return made
end

-- A shell asks what may come next: `__complete -- WORD… CURRENT`.
local function answer_shell(words)
  local before = {}
  for i = 3, #words - 1 do
    before[#before + 1] = words[i]
  end
  put(require("itrigger.cli.complete").lines(build_parser(), split_name(before), words[#words]))
  return 0
end

function commands.describe(args)
  return describe(args.name)
end

-- The command of this name, or nil.
local function command_of(parser, name)
  for _, command in ipairs(parser._commands) do
    if command._name == name then
      return command
    end
  end
end

-- `help`, `help batch`; `help member query` describes the endpoint in the user's language.
function commands.help(args, parser)
  local topic = args.topic
  local command = topic[1] and command_of(parser, topic[1])
  if topic[2] then
    return describe(table.concat(topic, "."))
  elseif topic[1] and topic[1]:find(".", 1, true) then
    return describe(topic[1])
  elseif topic[1] and not command then
    stop(2, 'unknown command "%s"; see: itrigger help', topic[1])
  end
  put((command or parser):get_help(), "\n")
  return 0
end

local function dispatch(words)
  if words[1] == "__complete" and words[2] == "--" then
    return answer_shell(words)
  end
  local i = command_at(words)
  if words[i] == "sandbox" then
    return run_sandbox({ unpack(words, i + 1) })
  end
  words = split_name(words)
  local parser = build_parser(words[i], words[i + 1], words[#words] == "-h" or words[#words] == "--help")
  local ok, args = parser:pparse(words)
  if not ok then
    stop(2, "%s; see: itrigger help%s", args:gsub("\n", ". "), command_of(parser, words[i]) and " " .. words[i] or "")
  end
  if args.version then
    put("itrigger ", core.version, "\n")
    return 0
  elseif args.command == nil then
    put(parser:get_help(), "\n")
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
    return { message = tostring(err) }
  end)
  local flushed, wrong = io.stdout:flush()
  if ok and flushed then
    return status
  end
  local err = ok and { status = 2, message = "standard output cannot be written: " .. tostring(wrong) } or status
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

return cli
