-- The quick reader of command lines gives what argparse does, and leaves to it what it would refuse.
local needs = require "spec.support.needs"

describe("a command line", function()
  local lacks = needs.module("argparse", "lua-argparse")
  if lacks then
    pending(lacks)
    return
  end

  local parser = require "itrigger.cli.parser"
  local words = require "itrigger.cli.words"

  local function split(line)
    local list = {}
    for word in line:gmatch "%S+" do
      list[#list + 1] = word
    end
    return words.split_name(list)
  end

  -- Without what argparse adds for itself: a field for each command.
  local function fields(args)
    local made = {}
    for name, value in pairs(args) do
      if not (value == true and (name == args.command or name == args.endpoint)) and name ~= "n" then
        made[name] = value
      end
    end
    return made
  end

  it("is read as argparse reads it", function()
    for _, line in ipairs {
      "get /x", "get /x a=1 b:=2", "post /x -", "post /x @body.json --dry-run", "-v --timeout 3 get -i /x", "get --raw /x -v a=-1",
      "--profile p member query mobile=1 --filter data.x", "member.query --output table --no-check a=1 --idempotent --curl",
      "get /x --output json --output text", "get - -", "pages member.point_list pageSize=2 --output text", "pages /x --curl",
      "batch x --to order.trades --concurrency 3 --rate 0.5 --failed f --journal j --resume --no-check", "batch --to /x -",
      "help", "help member query", "token --show", "refresh", "stats --output json", "doctor", "endpoints", "endpoints coupon",
      "describe member.query", "--profile p configure", "completion zsh", "--version", "--timeout 0x10 doctor",
    } do
      local args = words.read(split(line))
      assert(args, line)
      local ok, expected = parser.new():pparse(split(line))
      assert(ok, line)
      assert.same(fields(expected), fields(args), line)
    end
  end)

  it("is left to argparse where that refuses it, or gives help", function()
    for _, line in ipairs {
      "", "-v", "nonsense", "get", "get /x --nonsense", "get /x --output", "get /x --output xml", "get /x --filter -v",
      "--timeout x doctor", "--timeout", "member", "member qery", "member.qery a=1", "batch x", "batch --to /x", "doctor x",
      "endpoints a b", "completion ksh", "get -h", "get --help", "--raw get /x", "token --show=1", "pages --raw /x",
    } do
      assert.is_nil((words.read(split(line))), line)
      local found = line:find "%-h" or line == "" or line == "-v"
      assert.is_true(found ~= nil and found ~= false or not parser.new():pparse(split(line)), line)
    end
  end)
end)
