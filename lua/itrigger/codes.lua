-- The gateway's documented codes and what errors call them: codes[80002] == "member_not_found".

return require("itrigger.core").codes()
