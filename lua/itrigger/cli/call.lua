-- `itrigger get`, `itrigger post` and documented endpoints: one call, and its result.

local arguments = require "itrigger.cli.arguments"
local exit = require "itrigger.cli.exit"
local json = require "itrigger.json"
local later = require "itrigger.later"
local output = require "itrigger.cli.output"
local settings = require "itrigger.cli.settings"
local terminal = require "itrigger.cli.terminal"

local call = {}

local function with_raw(opts)
  local copy = { raw = true }
  for name, value in pairs(opts or {}) do
    copy[name] = value
  end
  return copy
end

-- Print an answer as it came, with its head if include says so. Returns the exit status.
local function print_raw(res, include)
  if include then
    local names = {}
    for name in pairs(res.headers) do
      names[#names + 1] = name
    end
    table.sort(names)
    output.put("HTTP ", tostring(res.status), "\n")
    for _, name in ipairs(names) do
      output.put(name, ": ", terminal.safe(res.headers[name]), "\n")
    end
    output.put "\n"
  end
  output.put_line(terminal.is_tty(1) and terminal.safe(res.body) or res.body)
  local decoded = json.decode(res.body)
  local code = type(decoded) == "table" and tonumber(decoded.code)
  return res.status >= 200 and res.status < 300 and code and code >= 200 and code < 300 and 0 or 1
end

-- Print an answer, or the member of it that --filter names.
local function print_answer(res, args)
  res.elapsed = nil -- the gateway's answer, and no more
  local value = res
  if args.filter then
    local found
    found, value = output.pick(res, args.filter)
    if not found then
      exit.stop(1, "--filter %s: the answer has no such member", args.filter)
    end
  end
  output.put_line(output.format(value, args.output, args.filter))
  return 0
end

-- Make one call and print its result. e: the endpoint whose rules the parameters must follow, or nil.
local function perform(args, is_post, path, params, e)
  local opts
  if args.idempotent or args.no_check then
    opts = { idempotent = args.idempotent, check = settings.check_of(args) }
  end
  local err = e and later.endpoint.check(e, params, opts)
  if err then
    exit.stop_with(err)
  elseif args.dry_run or args.curl then
    return require("itrigger.cli.request").show(args, { is_post = is_post, path = path, params = params })
  end
  local raw = args.raw or args.include
  if args.filter and not output.is_path(args.filter) then
    exit.stop(2, "--filter %s: expected names with dots between and indexes in brackets: data[0].id", args.filter)
  elseif raw and (args.filter or args.output) then
    exit.stop(2, "--raw and -i print the body as it came: leave out --filter and --output")
  end
  local client = settings.open(args)
  if e then
    opts = later.endpoint.opts(e, opts)
  end
  opts = raw and with_raw(opts) or opts
  local res
  res, err = (is_post and client.post or client.get)(client, path, params, opts)
  client:close()
  if res == nil then
    exit.stop_with(err)
  elseif raw then
    return print_raw(res, args.include)
  end
  return print_answer(res, args)
end

function call.get(args)
  return perform(args, false, args.path, exit.unless(arguments.read(args.params)))
end

function call.post(args)
  return perform(args, true, args.path, exit.unless(arguments.body(args.params)))
end

-- A documented endpoint by name.
function call.endpoint(args)
  local target = require "itrigger.cli.target"
  local e = target.endpoint(args.command .. "." .. args.endpoint)
  local read = e.is_post and arguments.body or arguments.read
  return perform(args, e.is_post, e.path, exit.unless(read(args.params, target.params(e))), e)
end

return call
