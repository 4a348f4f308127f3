-- `itrigger pages`: the rows of a paged list.

local arguments = require "itrigger.cli.arguments"
local exit = require "itrigger.cli.exit"
local json = require "itrigger.json"
local later = require "itrigger.later"
local output = require "itrigger.cli.output"
local settings = require "itrigger.cli.settings"
local target = require "itrigger.cli.target"
local terminal = require "itrigger.cli.terminal"

local pages = {}

local ADDED = { pageNum = true, pageSize = true } -- where they are not given

-- Show the request of the first page.
local function show(args, is_post, path, params, e)
  local err = e and later.endpoint.check(e, params, { check = settings.check_of(args) }, ADDED)
  if err then
    exit.stop_with(err)
  end
  later.pages.check("pages", path, params)
  params.pageNum = params.pageNum or 1
  params.pageSize = params.pageSize or later.pages.PAGE_SIZE
  return require("itrigger.cli.request").show(args, { is_post = is_post, path = path, params = params })
end

-- Print the rows: each as JSON as soon as its page is there, or all in one table at the end.
local function print_rows(rows, format)
  local all, n, present = {}, 0, nil
  for row, page in rows do
    n, present = page == present and n + 1 or 1, page
    if format == "table" or format == "text" then
      all[#all + 1] = row
    else
      local text = assert(json.encode(row))
      output.put(terminal.is_tty(1) and terminal.safe(text) or text, "\n")
      if n == #page.data then -- the next one may take its time
        output.flush()
      end
    end
  end
  if all[1] ~= nil then
    output.put_line(output.format(all, format))
  end
end

function pages.print(args)
  local is_post, path, e = target.read(args.target)
  if e and not e.entry.paged then
    exit.stop(2, '%s is not a paged list; call it with: itrigger %s %s', e.name, e.group, e.short)
  end
  local params = exit.unless(arguments.read(args.params, target.params(e)))
  params.pageNum = tonumber(params.pageNum) or params.pageNum
  if args.dry_run or args.curl then
    return show(args, is_post, path, params, e)
  end
  local client = settings.open(args)
  local rows
  if e then
    rows = client[e.group][e.short]:pages(params, { check = settings.check_of(args) })
  else
    rows = client:pages(path, params, { method = is_post and "POST" or "GET" })
  end
  print_rows(rows, args.output)
  client:close()
  return 0
end

return pages
