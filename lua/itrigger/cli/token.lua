-- `itrigger token`, `refresh` and `stats`: which token is in use, and what it is doing.

local exit = require "itrigger.cli.exit"
local output = require "itrigger.cli.output"
local settings = require "itrigger.cli.settings"

local token = {}

local function show(args, method)
  local client = settings.open(args)
  local text, err, source = client[method](client)
  local stats = text and client:stats()
  client:close()
  if method == "refresh" and text and not err and source ~= "gateway" and source ~= "server" then
    io.stderr:write(("itrigger: no new token was fetched: this one is %.0f s old, and fetches that are asked for are at least "
      .. "min_refresh_interval apart (30 s by default)\n"):format(stats.age or 0))
  end
  if text == nil then
    exit.stop_with(err)
  elseif err then
    io.stderr:write("itrigger: warning: ", tostring(err), "\n")
  end
  output.put_line(args.show and text or ("%s from %s"):format(stats.token or "a token", source))
  return 0
end

function token.show(args)
  return show(args, "token")
end

function token.refresh(args)
  return show(args, "refresh")
end

function token.stats(args)
  local client = settings.open(args)
  client:token()
  local stats = client:stats()
  client:close()
  output.put_line(output.format(stats, args.output))
  return 0
end

return token
