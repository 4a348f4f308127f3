-- `itrigger pages`: the rows of a paged list.

local arguments = require "itrigger.cli.arguments"
local exit = require "itrigger.cli.exit"
local json = require "itrigger.json"
local output = require "itrigger.cli.output"
local settings = require "itrigger.cli.settings"
local target = require "itrigger.cli.target"

local pages = {}

function pages.print(args)
  local is_post, path, e = target.read(args.target)
  local params = exit.unless(arguments.read(args.params, target.params(e)))
  params.pageNum = tonumber(params.pageNum) or params.pageNum
  local client = settings.open(args)
  local rows
  if e then
    rows = client[e.group][e.short]:pages(params, { check = settings.check_of(args) })
  else
    rows = client:pages(path, params, { method = is_post and "POST" or "GET" })
  end
  for row in rows do
    output.put(assert(json.encode(row)), "\n")
  end
  client:close()
  return 0
end

return pages
