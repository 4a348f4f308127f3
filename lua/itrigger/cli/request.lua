-- What would be sent: --dry-run and --curl.

local core = require "itrigger.core"
local exit = require "itrigger.cli.exit"
local output = require "itrigger.cli.output"
local settings = require "itrigger.cli.settings"
local shell = require "itrigger.cli.shell"
local terminal = require "itrigger.cli.terminal"

local request = {}

-- A client that the core can ask, whatever options of a real one are missing. Ends the command where the gateway is wrong.
local function asked_client(gateway)
  local made, err = core.new({
    gateway = gateway or "https://gateway.example", app_id = "none", app_secret = "none", token_store = "memory:",
  }, true)
  if made == nil then
    exit.stop_with(err)
  end
  return made
end

-- Print a call (is_post, path, params), the token masked: as a request, or as a line for curl. Returns the exit status.
function request.show(args, call)
  local _, values = settings.describe(args)
  local client = asked_client(values.gateway)
  local url, body = core.preview(client, call.is_post, call.path, call.params)
  client:close()
  if url == nil then
    exit.stop_with(body)
  end
  if args.curl then
    output.put("curl ", body and "-H 'Content-Type: application/json' --data-binary " .. shell.word(body) .. " " or "",
      shell.word(url), "\n")
  else
    local text = (call.is_post and "POST " or "GET ") .. url .. "\n" .. (body and body .. "\n" or "")
    output.put(terminal.is_tty(1) and terminal.safe(text) or text)
  end
  return 0
end

return request
