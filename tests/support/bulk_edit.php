<?php
// Edits pages in one process, for tests that need hundreds of changes. Each line of standard input is
// ["title", "text"], each line of standard output the id of the new revision. RealMediaWiki runs it in the source tree
// of MediaWiki.

require_once getcwd() . '/maintenance/Maintenance.php';

use MediaWiki\MediaWikiServices;

class BulkEdit extends Maintenance {
	public function execute() {
		$pages = MediaWikiServices::getInstance()->getWikiPageFactory();
		$editor = User::newSystemUser( 'Bulk editor', [ 'steal' => true ] );
		while ( ( $line = fgets( STDIN ) ) !== false ) {
			[ $title, $text ] = json_decode( $line, true );
			$page = $pages->newFromTitle( Title::newFromText( $title ) );
			$content = ContentHandler::makeContent( $text, $page->getTitle() );
			$status = $page->doUserEditContent( $content, $editor, 'bulk edit' );
			if ( !$status->isOK() ) {
				$this->fatalError( "$title: " . $status->getWikiText( false, false, 'en' ) );
			}
			DeferredUpdates::doUpdates();
			$this->output( $page->getLatest() . "\n" );
		}
	}
}

$maintClass = BulkEdit::class;
require_once RUN_MAINTENANCE_IF_MAIN;
