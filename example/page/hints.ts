/** By a button's name, a hint about the outcome, shown before the click. */
export const hints = {
  'Go offline': 'Cuts this page off. It keeps your changes, and sends them later.',
  'Go online': 'Sends the changes that wait in this page.',
  'Cut the socket': 'Closes the connection. The page connects again, and misses nothing.',
  'Empty the memory': 'The server forgets all values. Your cookie brings yours back.',
  'Restart the server': 'Ends the server process. The next process has only the values of your cookie.',
  'Kill node': 'Ends this node. The page continues at another node, with the values of Redis.',
  'Kill the server here':
    'Kills the server once it has your next change, before your cookie has it. The page sends the change again.',
  'Lose the next POST': 'Loses the POST of your next change on the way. The page sends it again.',
}
