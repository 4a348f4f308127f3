-- Writes the answers of the bench's gateway: lists of members of about 10 KB and 1 MB. Usage: answers.lua DIRECTORY
local row = '{"id":%d,"realName":"张三","mobile":"188%08d","levelName":"金卡会员","point":"%d.0","growth":%d,'
  .. '"address":"上海市浦东新区世纪大道%d号","createTime":%d,"tradeNo":226529926389%06d,"active":%s}'

local function list(name, bytes)
  local rows, size, i = {}, 0, 0
  while size < bytes do
    i = i + 1
    rows[i] = row:format(i, i * 37 % 1e8, i % 1000, i * 7, i, 1556647800000 + i, i % 1e6, i % 2 == 0 and "true" or "false")
    size = size + #rows[i]
  end
  local file = assert(io.open(arg[1] .. "/" .. name .. ".json", "w"))
  file:write('{"code":200,"message":"操作成功","data":[', table.concat(rows, ","), '],"total":', i, ',"pageNum":1}')
  file:close()
end

list("10k", 10000)
list("1m", 1000000)
